/* SPDX-License-Identifier: MIT */
/*
 * Programs: finds in the table what a process has changed without a record before it
 * called exec.
 *
 * Promises  such a change is reported after the exec: under the guard the life goes on,
 *           so no death reports it. In the fallback exec ends the life, and nothing has
 *           to be done.
 * Needs     programs_look() before the logs are read, programs_catch_up() after they were
 *           applied.
 * Context   one thread at a time; private memory, and lookups.
 * Used by   listen.c.
 */
#ifndef KREG_LIB_PROGRAMS_H
#define KREG_LIB_PROGRAMS_H

#include "lib/events/mirror.h"

#pragma GCC visibility push(hidden)

struct program;

struct programs {
	struct kreg *k;
	struct program *seats; /* NULL in the fallback */
};

/* -ENOMEM. */
int programs_init(struct programs *programs, struct kreg *k);
void programs_free(struct programs *programs);

/* Finds new programs. */
void programs_look(struct programs *programs);

/*
 * Compares their owners' entries with the table. Errors as mirror_resync(); the rest is
 * left for the next call.
 */
int programs_catch_up(struct programs *programs, struct mirror *m);

#pragma GCC visibility pop

#endif
