/* SPDX-License-Identifier: MIT */
/*
 * The table of listeners: a process registers and unregisters at full speed, without a
 * listener and with one in another process, which counts what it receives; and as often as
 * the goal says.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "tests/benchmark/processes.h"
#include "tests/benchmark/tables.h"

#define PAIRS 100000u
#define PACE 300000.0   /* events a second */
#define LAST "the last" /* the others have shorter names */

/* Shared with the processes that measure. */
struct stream {
	const struct bench_options *options;
	double received[2]; /* at full speed, and paced */
	double seconds;     /* that the writer took at full speed */
	uint32_t turns;
	bool is_paced;
	uint32_t last_received;
};

struct part {
	struct stream *stream;
	struct kreg *k;
	struct kreg_listener *listener;
};

enum { WRITER, LISTENER };

static double write_all(struct part *part)
{
	/* Once: the listener writes to that line with each event, and the writer would pay for it. */
	bool is_paced = part->stream->is_paced;
	double start = run_ns(), begin = now_ns();
	uint32_t i;

	for (i = 0; i < PAIRS; i++) {
		while (is_paced && now_ns() - begin < i * 2e9 / PACE)
			;
		kreg_register(part->k, "name", 4, &i, sizeof(i), NULL);
		kreg_unregister(part->k, "name", 4);
	}
	return (run_ns() - start) / PAIRS;
}

static void *part_prepare(void *state, int number)
{
	struct part *part = room(sizeof(*part));
	int err = 0;

	part->stream = state;
	part->k = registry_open(part->stream->options, REGISTRY);
	if (number == LISTENER)
		err = kreg_listen(&part->listener, part->k, NULL, 0);
	if (err)
		die("kreg_listen", err);
	return part;
}

static double writer_work(void *prepared, int number)
{
	(void)number;
	return write_all(prepared);
}

/* Returns whether @event is the last one. */
static bool event_count(struct stream *stream, const struct kreg_event *event)
{
	if (event->type != KREG_EVENT_REGISTER && event->type != KREG_EVENT_UNREGISTER)
		return false;
	if (event->entry.key_size == strlen(LAST))
		return true;
	stream->received[stream->is_paced]++;
	return false;
}

static double part_work(void *prepared, int number)
{
	struct part *part = prepared;
	struct stream *stream = part->stream;
	struct kreg_event event;
	double ns, start = now_ns();
	bool last = false;
	int got;

	if (number == WRITER) {
		ns = write_all(part);
		if (!stream->is_paced)
			stream->seconds += (now_ns() - start) / 1e9;
		kreg_register(part->k, LAST, KREG_STRING, NULL, 0, NULL);
		while (!__atomic_load_n(&stream->last_received, __ATOMIC_ACQUIRE))
			poll(NULL, 0, 1);
		return ns;
	}
	while (!last) {
		struct pollfd wait = { kreg_listener_fd(part->listener), POLLIN, 0 };

		poll(&wait, 1, 1000);
		while (!last && (got = kreg_listener_next(part->listener, &event)) > 0)
			last = event_count(stream, &event);
		if (!last && got < 0 && got != -EAGAIN)
			die("kreg_listener_next", got);
	}
	__atomic_store_n(&stream->last_received, 1, __ATOMIC_RELEASE);
	return 0;
}

static double alone(void *state)
{
	static const struct together writer = { part_prepare, writer_work };

	return together(&writer, state, 1);
}

static double listened_to(void *state)
{
	static const struct together both = { part_prepare, part_work };
	struct stream *stream = state;
	double ns;

	stream->last_received = 0;
	stream->is_paced = true;
	together(&both, state, 2);
	stream->last_received = 0;
	stream->is_paced = false;
	stream->turns++;
	ns = together(&both, state, 2);
	return ns;
}

static void print_lost(const struct stream *stream, bool is_paced)
{
	double sent = 2.0 * PAIRS * stream->turns, received = stream->received[is_paced];

	row_single(is_paced ? "lost of 300,000 events a second" : "lost of them",
		   received < sent ? 100 - 100 * received / sent : 0, "%", is_paced ? "0" : NULL);
}

static void listen_run(const struct bench_options *options)
{
	static const struct way ways[] = {
		{ "register, unregister, without a listener", alone },
		{ "register, unregister, with a listener", listened_to, "<= 1.3" },
	};
	struct stream *stream = mmap(NULL, sizeof(*stream), PROT_READ | PROT_WRITE,
				     MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (stream == MAP_FAILED)
		die("memory", -errno);
	stream->options = options;
	title_print(options, "A listener behind a writer at full speed");
	row_heading("none");
	ways_compare(options, ways, 2, "ns", stream);
	row_single("events of the writer in a second",
		   2.0 * PAIRS * stream->turns / stream->seconds, "", NULL);
	print_lost(stream, false);
	print_lost(stream, true);
	munmap(stream, sizeof(*stream));
	registry_destroy(options, REGISTRY);
}

const struct table table_listen = { "listen", "events lost behind a writer, and what it pays",
				    listen_run };
