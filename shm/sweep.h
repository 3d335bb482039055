/* SPDX-License-Identifier: MIT */
/*
 * The sweep: returns slabs of dead owners to the land.
 *
 * A death only makes entries absent; their memory stays the dead owner's until a living
 * process has taken the entries out of the list. Every writer does a little of that.
 *
 * Promises  a slab of a dead owner is retired only when none of its entries is in the
 *           list; nothing changes that a caller can observe, except the bytes in use.
 * Needs     a write section around each call.
 * Context   any thread; lock-free; sweep_some() takes out a few entries.
 * Used by   lib/.
 */
#ifndef KREG_SHM_SWEEP_H
#define KREG_SHM_SWEEP_H

#include "shm/heap.h"

/*
 * Where a handle goes on. Private; used by one thread at a time. All 0 is the beginning of
 * the land, and so is a slab beyond its end.
 */
struct sweep_at {
	uint32_t slab;
	/* In that slab, of which the blocks in front of this one are done. */
	uint32_t block;
	/* The dead owner whose it was then; 0: it was not begun. */
	uint64_t owner;
	/* A dead owner whose last instruction is known to be over. */
	uint64_t ended;
};

/*
 * Goes on from *at: looks at a few slabs, takes a few entries of the dead out of the list,
 * and retires a few slabs, so that a registration that sweeps on its way stays short.
 * Returns the bytes that it reclaimed.
 */
uint64_t sweep_some(const struct writer *w, struct sweep_at *at);

/* Sweeps all slabs; the bytes that it reclaimed. As long as the land is large. */
uint64_t sweep_all(const struct writer *w);

/*
 * Unregisters all that the writer's owner has in slabs of its own, including what an
 * earlier program of the process registered. True: none of it is in the list, so
 * heap_deinit() may follow. No other thread of the owner may be in a call: it could
 * link an entry in a slab that was already passed, and heap_deinit() would retire that
 * slab with the entry in the list.
 */
bool sweep_own(const struct writer *w);

#endif
