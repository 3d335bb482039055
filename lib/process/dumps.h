/* SPDX-License-Identifier: MIT */
/*
 * Core dumps of owners. A process that dumps core runs nothing of its own, and its names
 * stay until it is gone.
 *
 * Promises  a dump is seen by the look after its beginning while at most DUMPS_LOOKS
 *           owners are watched and at most DUMPS_READS of them have run since the last
 *           look; beyond that, some are checked at each look. It stays seen. A dump that
 *           /proc does not show is not seen.
 * Needs     dumps_look() now and then; a mutex of the user's around all but dump_is_on().
 * Context   any thread that may have fds. Costs one clock_gettime(2) for an owner that
 *           has not run, a read of /proc/PID/status for one that has.
 * Used by   sleeper.c, listen.c, health.c.
 */
#ifndef KREG_LIB_DUMPS_H
#define KREG_LIB_DUMPS_H

#include "lib/handle/handle.h"

#pragma GCC visibility push(hidden)

/* The interval of looks. */
#define DUMPS_MS 100

#define DUMPS_LOOKS 256u
#define DUMPS_READS 16u

struct dump;

struct dumps {
	struct kreg *k;
	struct cds_list_head watched; /* in the order in which they are checked */
	uint32_t count;
	uint64_t next; /* when the next look is due, as clock_now() */
};

void dumps_init(struct dumps *dumps, struct kreg *k);
void dumps_free(struct dumps *dumps);

/* NULL: out of memory. */
struct dump *dumps_watch(struct dumps *dumps, owner_t owner);
void dumps_forget(struct dumps *dumps, struct dump *dump);

/* Looks if that is due. True: a dump was seen for the first time. */
bool dumps_look(struct dumps *dumps);

/* Whether a dump was seen. Any thread. */
bool dump_is_on(const struct dump *dump);

/* Reads /proc; from Linux 4.15 on. */
bool process_is_dumping(pid_t pid);

#pragma GCC visibility pop

#endif
