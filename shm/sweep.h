/* SPDX-License-Identifier: MIT */
/*
 * Sweep: what the dead left goes back to the land.
 *
 * Promises  a slab of the dead is retired only when none of its entries is in the list; nobody can
 *           tell the difference but by the bytes in use.
 * Needs     a write section around each call.
 * Context   any thread; lock-free; sweep_some() is bounded by one slab's entries.
 * Used by   lib/.
 */
#ifndef KREG_SHM_SWEEP_H
#define KREG_SHM_SWEEP_H

#include "shm/heap.h"

/*
 * Looks at the next @count slabs from *from on, and retires at most one. Bytes that were the
 * dead's.
 */
uint64_t sweep_some(const struct writer *w, uint32_t *from, uint32_t count);

/* All slabs. */
uint64_t sweep_all(const struct writer *w);

/*
 * Unregisters all that the writer's owner has in slabs of its own, be it of an earlier program. True: none is in the
 * list, so heap_deinit() may follow. No other thread of the owner may be in a call.
 */
bool sweep_own(const struct writer *w);

#endif
