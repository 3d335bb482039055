/* SPDX-License-Identifier: MIT */
/*
 * What was expelled and swept so far: figures for people who ask who holds memory up.
 *
 * An expelled section leaves no other trace: its thread learns of it when it leaves, if it ever
 * does, and the others only that memory can be used again.
 *
 * Promises  the total of expelled read sections; and of the last EXPULSIONS_KEPT owners that
 *           were expelled from one, how often, which thread last, and when.
 * Needs     nothing. All of it can be written by any process that may write the registry, and
 *           two processes that note at the same instant may mix what they say of one owner. So
 *           these figures are shown, and nothing is decided by them.
 * Context   noting: where a section was expelled or a slab reclaimed, so never in a call that
 *           finds nobody in its way. Reading: any thread, a read-only mapping; wait-free.
 * Used by   grace, sweep, lib/.
 */
#ifndef KREG_SHM_EXPELLED_H
#define KREG_SHM_EXPELLED_H

#include "shm/segment.h"

/* That @owner, or its thread @tid, was expelled from a read section. */
void expelled_note(const struct segment *s, owner_t owner, uint32_t tid);

/* What was noted of an owner, dead or alive. All 0: nothing. */
struct expelled {
	owner_t owner;
	/* it may be another process's by now; 0: not known */
	uint32_t pid;
	uint32_t tid;
	uint32_t count;
	/* of the last, by clock_now() */
	uint64_t at;
};

void expelled_look(const struct segment *s, owner_t owner, struct expelled *out);

/* The owner that was expelled last. */
void expelled_last(const struct segment *s, struct expelled *out);

/* Since a time that another process has written, in milliseconds; -1: it is none. */
int64_t expelled_ms(uint64_t at);

#endif
