/* SPDX-License-Identifier: MIT */
/*
 * The table of deaths: how soon other processes see one, beside waitpid(); and what
 * registrations cost while the entries of a dead owner wait to be swept. The listener has
 * heard all else before, and sleeps: otherwise it would find the death on its way.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>

#include "tests/benchmark/processes.h"
#include "tests/benchmark/tables.h"

#define REGISTRATIONS 20000u
#define SILENCE_MS 20

struct death {
	const struct bench_options *options;
	struct kreg *k;
	struct kreg_listener *listener;
	uint32_t others; /* entries of the dead */
};

static void listen_until_silence(struct death *d)
{
	struct pollfd wait = { kreg_listener_fd(d->listener), POLLIN, 0 };
	struct kreg_event event;

	do {
		while (kreg_listener_next(d->listener, &event) > 0)
			;
	} while (poll(&wait, 1, SILENCE_MS) > 0);
}

/* us from SIGKILL to an owner of one name until @seen. */
static double killed(struct death *d, void (*seen)(struct death *d, pid_t pid))
{
	struct holders *holders = holders_start(d->options, REGISTRY, 1, 1, NULL);
	double start;

	/* All begin alike: with processes that have slept. */
	if (d->listener)
		listen_until_silence(d);
	else
		poll(NULL, 0, SILENCE_MS);
	start = now_ns();
	kill(holders->pids[0], SIGKILL);
	seen(d, holders->pids[0]);
	start = now_ns() - start;
	holders_end(holders);
	return start / 1000;
}

static void seen_by_waitpid(struct death *d, pid_t pid)
{
	siginfo_t info;

	(void)d;
	/* It is reaped later, with the others. */
	waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT);
}

static void seen_by_lookup(struct death *d, pid_t pid)
{
	unsigned char key[NUMBERED_SIZE];

	(void)pid;
	numbered_key(key, 0);
	while (kreg_lookup(d->k, key, sizeof(key), NULL, 0, NULL) >= 0)
		;
}

static void seen_by_listener(struct death *d, pid_t pid)
{
	struct kreg_event event;
	int got;

	for (;;) {
		struct pollfd wait = { kreg_listener_fd(d->listener), POLLIN, 0 };

		poll(&wait, 1, 1000);
		while ((got = kreg_listener_next(d->listener, &event)) > 0) {
			if (event.type == KREG_EVENT_PURGE && event.entry.owner.pid == pid)
				return;
		}
		if (got < 0 && got != -EAGAIN)
			die("kreg_listener_next", got);
	}
}

static double killed_waitpid(void *state)
{
	return killed(state, seen_by_waitpid);
}

static double killed_lookup(void *state)
{
	return killed(state, seen_by_lookup);
}

static double killed_listener(void *state)
{
	struct death *d = state;
	int err = kreg_listen(&d->listener, d->k, NULL, 0);
	double us;

	if (err)
		die("kreg_listen", err);
	us = killed(d, seen_by_listener);
	kreg_listener_close(d->listener);
	d->listener = NULL;
	return us;
}

/* The slowest of a hundred registrations, in us. */
static double p99(struct death *d)
{
	double *took = room(REGISTRATIONS * sizeof(*took)), before, at;
	uint32_t i, first = d->others;

	before = now_ns();
	for (i = 0; i < REGISTRATIONS; i++) {
		numbered_register(d->k, first + i);
		at = now_ns();
		took[i] = at - before;
		before = at;
	}
	at = quantile_of(took, REGISTRATIONS, 0.99) / 1000;
	free(took);
	return at;
}

static double p99_after(const struct bench_options *options, bool death)
{
	struct death d = { .options = options, .others = options->many };
	struct holders *holders = holders_start(options, "swept", 1, d.others, NULL);
	double us;

	d.k = registry_open(options, "swept");
	if (death)
		holders_end(holders);
	us = p99(&d);
	kreg_close(d.k);
	if (!death)
		holders_end(holders);
	registry_destroy(options, "swept");
	return us;
}

static double p99_quiet(void *state)
{
	return p99_after(state, false);
}

static double p99_sweeping(void *state)
{
	return p99_after(state, true);
}

static void death_run(const struct bench_options *options)
{
	static const struct way ways[] = {
		{ "to waitpid", killed_waitpid },
		{ "to the end of the name, by lookups", killed_lookup },
		{ "to the listener's event", killed_listener, "<= 1.1" },
	};
	struct death d = { .options = options };

	d.k = registry_open(options, REGISTRY);
	title_print(options, "From SIGKILL to an owner");
	row_heading("waitpid");
	ways_compare(options, ways, 3, "us", &d);
	kreg_close(d.k);
	registry_destroy(options, REGISTRY);
}

static void sweep_run(const struct bench_options *options)
{
	static const struct way ways[] = {
		{ "its owner lives", p99_quiet },
		{ "its owner has died", p99_sweeping, "<= 2" },
	};
	struct bench_options few = *options;
	char title[96];

	few.turns = few.turns > 3 ? 3 : few.turns; /* each fills two registries */
	snprintf(title, sizeof(title), "The slowest of 100 registrations beside %u entries",
		 options->many);
	title_print(&few, title);
	row_heading("quiet");
	ways_compare(&few, ways, 2, "us", (void *)&few);
}

const struct table table_death = { "death", "from SIGKILL to what others see", death_run };
const struct table table_sweep = { "sweep", "registrations while the dead are swept", sweep_run };
