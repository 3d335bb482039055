/* SPDX-License-Identifier: MIT */
/*
 * Halted: what a listener finds in the table of a process that stays inside of one call, because it was stopped
 * between a change and its record.
 *
 * Promises  what such a process has changed and not told is told at the second look, HALTED_NS after the first. A process
 *           that goes from call to call, or tells something, does not count as halted.
 * Needs     halted_catch_up() after the logs were heard, and again as long as halted_is_inside(). Whoever changes something
 *           tells it in the section in which it changes it.
 * Context   one thread at a time, but halted_is_inside(): any; private memory, and lookups.
 * Used by   listen.c, sleeper.c.
 */
#ifndef KREG_LIB_HALTED_H
#define KREG_LIB_HALTED_H

#include "lib/events/mirror.h"

#pragma GCC visibility push(hidden)

/* A little less than the sleeper sleeps, so that its next look is the second one. */
#define HALTED_NS 90000000u

struct halted_seat;

struct halted {
	struct kreg *k;
	struct halted_seat *seats;
	uint64_t at; /* of the last look */
};

/* -ENOMEM. */
int halted_init(struct halted *halted, struct kreg *k);
void halted_free(struct halted *halted);

/* Compares what halted owners have with the table. Errors as mirror_resync(). */
int halted_catch_up(struct halted *halted, struct mirror *m);

/* Whether anybody is inside of a call. */
bool halted_is_inside(const struct kreg *k);

#pragma GCC visibility pop

#endif
