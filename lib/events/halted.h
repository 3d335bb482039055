/* SPDX-License-Identifier: MIT */
/*
 * Halted processes: finds in the table what a process has changed that was stopped
 * between a change and its record, and so stays inside of one call.
 *
 * Promises  a change that such a process has made without a record is reported at the
 *           second look, HALTED_NS after the first. A process that goes from call to
 *           call, or writes a record, does not count as halted.
 * Needs     halted_catch_up() after the logs were read, and again while
 *           halted_is_inside(). Each call writes the record of a change in the section in
 *           which it makes the change.
 * Context   one thread at a time; halted_is_inside(): any. Private memory, and lookups.
 * Used by   listen.c, sleeper.c.
 */
#ifndef KREG_LIB_HALTED_H
#define KREG_LIB_HALTED_H

#include "lib/events/mirror.h"

#pragma GCC visibility push(hidden)

/* A little less than the sleeper's interval, so that its next look is the second one. */
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

/*
 * Compares the entries of halted owners with the table, or all if these may have changed others'.
 * Errors as mirror_resync().
 */
int halted_catch_up(struct halted *halted, struct mirror *m);

/* Whether any thread is inside of a call. */
bool halted_is_inside(const struct kreg *k);

#pragma GCC visibility pop

#endif
