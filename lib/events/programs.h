/* SPDX-License-Identifier: MIT */
/*
 * Programs: what a listener finds in the table of a process that has called exec.
 *
 * Promises  what a program had done and not told when its process called exec is told after that: under the guard the
 *           life goes on, so no death tells it. In the fallback exec ends the life, and there is nothing to do.
 * Needs     programs_look() before the logs are read, programs_catch_up() after they were heard.
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

/* Sees which are new. */
void programs_look(struct programs *programs);

/* Compares what the owners of those have with the table. Errors as mirror_resync(); what is left is done the next time. */
int programs_catch_up(struct programs *programs, struct mirror *m);

#pragma GCC visibility pop

#endif
