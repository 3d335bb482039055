/* SPDX-License-Identifier: MIT */
/*
 * Calls underway: finds in the table what is changed after a comparison, and told by no record.
 *
 * Promises  what a call changes without a record that was open at underway_follow() is found once it is over, however
 *           it ends.
 * Needs     underway_follow() between the moment from which the logs are read and the look at the
 *           table; underway_look() before the logs are read, underway_catch_up() after they were
 *           applied, and again while underway_is_any().
 * Context   one thread at a time; private memory, lookups, and membarrier(2).
 * Used by   listen.c.
 */
#ifndef KREG_LIB_UNDERWAY_H
#define KREG_LIB_UNDERWAY_H

#include "lib/events/mirror.h"

#pragma GCC visibility push(hidden)

struct underway_call;

struct underway {
	struct kreg *k;
	struct underway_call *calls; /* one for each slot */
	uint32_t followed;
	uint64_t since; /* when the last ones were added */
	uint64_t again; /* when all is to be compared, as the start had no fence; 0: it had */
	bool is_ended;  /* some are over, and not compared yet */
	bool is_due;
	bool all; /* it is known that one owner's entries are not enough */
};

/* -ENOMEM. */
int underway_init(struct underway *u, struct kreg *k);
void underway_free(struct underway *u);

/*
 * For a listener that begins, behind log_listen(): from here on, a call that is not open announces
 * what it changes.
 */
void underway_begin(struct underway *u);

/*
 * Follows the calls that are open now. @seats: only those of owners in seats that are not 0 here;
 * NULL: all. @told: there is a record of what they change of their own owner's entries if they return, and it is
 * purged if not, so that their owner's entries need no comparison.
 */
void underway_follow(struct underway *u, const uint64_t *seats, bool told);

/* Finds those that are over. */
void underway_look(struct underway *u);

/* Compares with the table for them. Errors as mirror_resync(), but not -EAGAIN: then it is left for the next call. */
int underway_catch_up(struct underway *u, struct mirror *m);

/* Whether there is something to find that no record and no death reports. */
bool underway_is_any(const struct underway *u);

#pragma GCC visibility pop

#endif
