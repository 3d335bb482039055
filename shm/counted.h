/* SPDX-License-Identifier: MIT */
/*
 * The sum of all counts, kept by a process as long as nothing has changed.
 *
 * A sum reads a row of each owner, a cache line that this owner writes. With thousands of
 * owners that takes a hundred times as long as to learn that no count has changed and no
 * life has ended.
 *
 * Promises  counted_sum() returns what interrupted_sum() could have returned at some
 *           moment of the call.
 * Needs     row_add(), which makes sums void, for each change of row->entries.
 * Context   any thread, signal handlers; wait-free but for a walk, see interrupted.h.
 * Used by   lib/registry/count.c.
 */
#ifndef KREG_SHM_COUNTED_H
#define KREG_SHM_COUNTED_H

#include "shm/interrupted.h"

/* A sum, and what it is right for. Private memory of one handle, all 0 at first. */
struct counted {
	/* odd: a thread is changing the rest; + 2 with each change */
	uint64_t turn;
	/* header->counted, odd; 0: there is no sum yet */
	uint64_t word;
	/* life_sum() of the seats below row_end(), and the guard's number of execs */
	uint64_t lives;
	uint64_t execs;
	uint64_t sum;
};

/* The sum, from @counted if that is right; otherwise it is kept there, if it may be. */
uint64_t counted_sum(const struct segment *s, const struct life_table *lives,
		     struct counted *counted);

#endif
