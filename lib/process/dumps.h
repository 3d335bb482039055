/* SPDX-License-Identifier: MIT */
/*
 * Dumps: which owners write a core dump. Such a process runs no more, and its names stay until it is gone.
 *
 * Promises  a dump is seen by the look after its beginning while at most DUMPS_LOOKS owners are watched and DUMPS_READS of
 *           them have run since the last look; of more, some have their turn at each look. It stays seen. What is not to
 *           be seen in /proc is no dump.
 * Needs     dumps_look() now and then; a mutex of the user's around all but dump_is_on().
 * Costs     one clock_gettime(2) for an owner that has not run; /proc/PID/status for one that has.
 * Context   any thread that may have fds.
 * Used by   sleeper.c, listen.c, health.c.
 */
#ifndef KREG_LIB_DUMPS_H
#define KREG_LIB_DUMPS_H

#include "lib/handle/handle.h"

#pragma GCC visibility push(hidden)

/* Between two looks. */
#define DUMPS_MS 100

#define DUMPS_LOOKS 256u
#define DUMPS_READS 16u

struct dump;

struct dumps {
	struct kreg *k;
	struct cds_list_head watched; /* in the order in which they have their turn */
	uint32_t count;
	uint64_t next; /* when they are looked at, as clock_now() */
};

void dumps_init(struct dumps *dumps, struct kreg *k);
void dumps_free(struct dumps *dumps);

/* NULL: no memory is to be had. */
struct dump *dumps_watch(struct dumps *dumps, owner_t owner);
void dumps_forget(struct dumps *dumps, struct dump *dump);

/* Looks, if it is time. Whether a dump was seen that was not before. */
bool dumps_look(struct dumps *dumps);

/* Whether it was seen. Any thread. */
bool dump_is_on(const struct dump *dump);

/* Asks /proc; from Linux 4.15 on. */
bool process_is_dumping(pid_t pid);

#pragma GCC visibility pop

#endif
