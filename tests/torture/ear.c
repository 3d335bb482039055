/* SPDX-License-Identifier: MIT */
/*
 * A listener that lives for one round. It remembers the holder of each key, complains
 * about events that contradict that, and at the end, with all victims dead, must believe
 * that no key has a holder.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "shm/atomic.h"
#include "tests/torture/engine.h"

#define SLOTS 16384u
/* Only a hang reaches this. */
#define QUIET_MS 60000

struct torture_ear {
	struct kreg_listener *listener;
	struct torture_board *board;
	uint64_t events;
	int64_t held; /* how many keys have a holder */
	uint64_t keys[SLOTS];
	pid_t holder[SLOTS]; /* 0: none */
	uint64_t
		odd; /* beginnings of a held key, and ends of one that is free or held by another process */
};

struct torture_ear *torture_ear_new(struct kreg *k, struct torture_board *board)
{
	struct torture_ear *ear = calloc(1, sizeof(*ear));
	int err = ear ? kreg_listen(&ear->listener, k, NULL, KREG_LISTEN_KNOWN) : -ENOMEM;

	if (!err) {
		ear->board = board;
		return ear;
	}
	torture_complain(board, "listening: %s", kreg_strerror(err));
	free(ear);
	return NULL;
}

static pid_t *holder_of(struct torture_ear *ear, const struct kreg_entry *entry)
{
	uint64_t hash = XXH3_64bits(entry->key, entry->key_size) | 1;
	uint32_t at = (uint32_t)(hash >> 32) % SLOTS;

	while (ear->keys[at] && ear->keys[at] != hash)
		at = (at + 1) % SLOTS;
	ear->keys[at] = hash;
	return &ear->holder[at];
}

static void take(struct torture_ear *ear, const struct kreg_event *event)
{
	const struct kreg_entry *entry = &event->entry;
	bool passes = event->from.token != 0;
	bool begins = event->type == KREG_EVENT_REGISTER || passes;
	pid_t *holder, held_by;

	ear->events++;
	if (event->type == KREG_EVENT_OVERRUN)
		return;
	holder = holder_of(ear, entry);
	held_by = begins ? event->from.pid : entry->owner.pid;
	if (*holder != held_by) {
		ear->odd++;
		torture_complain(ear->board,
				 "the listener received event %u of %.*s by %d, but %d held it",
				 event->type, (int)entry->key_size, (const char *)entry->key,
				 entry->owner.pid, *holder);
	}
	if (event->type == KREG_EVENT_UPDATE)
		return;
	ear->held += begins - (*holder != 0);
	*holder = begins ? entry->owner.pid : 0;
}

void torture_ear_hear(struct torture_ear *ear)
{
	struct kreg_event event;
	int got = 1, most = 200;

	while (ear && got == 1 && most--) {
		got = kreg_listener_next(ear->listener, &event);
		if (got == 1)
			take(ear, &event);
	}
	if (ear && got < 0 && got != -EAGAIN)
		torture_complain(ear->board, "listening: %s", kreg_strerror(got));
}

void torture_ear_end(struct torture_ear *ear, struct torture_figures *figures)
{
	struct pollfd at = { .events = POLLIN };

	if (!ear)
		return;
	at.fd = kreg_listener_fd(ear->listener);
	/*
	 * All victims are dead, and the events for that will come. The engine's own name
	 * stays.
	 */
	do {
		torture_ear_hear(ear);
	} while (ear->held > 1 && !load_acquire(&ear->board->complained) &&
		 poll(&at, 1, QUIET_MS) == 1);
	if (ear->held != 1)
		torture_complain(ear->board, "the listener believes in %lld names at the end",
				 (long long)ear->held - 1);
	figures->events += ear->events;
	figures->odd += ear->odd;
	kreg_listener_close(ear->listener);
	free(ear);
}
