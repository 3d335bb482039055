/* SPDX-License-Identifier: MIT */
/*
 * Claims: of all processes that want to start a program under one name, one at a time
 * tries.
 *
 * Promises  a claim has one owner, and ends with its death. A process that comes too late
 *           gets the holder of the name, and waits only until that is decided.
 * Needs     claim_leave() after a claim_take() that returned 0.
 * Context   blocks. Any thread; threads of one process have claims of their own.
 * Used by   reserve.c.
 */
#ifndef KREG_LIB_CLAIM_H
#define KREG_LIB_CLAIM_H

#include "lib/handle/handle.h"
#include "shm/query.h"

#pragma GCC visibility push(hidden)

struct claim {
	struct query q;
	place_t place;
};

/*
 * Takes the claim for the name of @q. @deadline: of clock_now(), 0: none. -EEXIST: the
 * name is held or reserved, *holder is filled in; -ETIMEDOUT; errors as kreg_register().
 */
int claim_take(struct kreg *k, const struct query *q, uint64_t deadline, struct claim *claim,
	       struct claim_holder *holder);
void claim_leave(struct kreg *k, const struct claim *claim);

/* Fills in the first in line for the name of @q. -ENOENT, -EUCLEAN. */
int claim_look(struct kreg *k, const struct query *q, struct claim_holder *holder);

#pragma GCC visibility pop

#endif
