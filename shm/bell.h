/* SPDX-License-Identifier: MIT */
/*
 * Bells: how one process wakes the waiters of a change, at the cost of a load if there
 * are none.
 *
 * A futex for each name would have to live somewhere and outlive its name. So there is
 * a fixed number of them in the header, and keys share them by their hash.
 *
 * Promises  a waiter that listens, finds nothing and waits is woken by the next change,
 *           if the process that makes it lives to ring; a waiter that dies leaves a
 *           flag that the next ring clears; a deadline is kept, whatever the kernel
 *           refuses.
 * Needs     a change is made before the ring, and looked for after bell_listen(). A
 *           waiter also looks from time to time, or its attendant does, because a
 *           change may be made by a process that never comes to ring.
 * Context   bell_ring(): any thread; one system call if there is a waiter. bell_wait()
 *           blocks.
 * Used by   log, succession, lib/.
 *
 * A bell is a futex word, shared by all keys whose hash leads to it, so a waiter that
 * is woken checks its condition again:
 *
 *   31                          1   0
 *  +-----------------------------+---+
 *  | rings so far                | W |   W: there may be a waiter
 *  +-----------------------------+---+
 *
 * W is set by waiters, by CAS, and cleared by ringers, in the kernel. The count wraps;
 * a waiter that sleeps through exactly 2^31 rings between its two looks would miss
 * them.
 */
#ifndef KREG_SHM_BELL_H
#define KREG_SHM_BELL_H

#include "shm/segment.h"

/* The bell for a key's hash without its partition: waiters and changers must agree. */
static inline uint32_t *bell_of(const struct segment *s, uint32_t hash)
{
	return &s->header->bells[hash % SEGMENT_BELLS];
}

/*
 * Announces that the caller is about to wait, and returns what bell_wait() needs. The
 * condition has to be checked between the two; a check before this could miss a change
 * and its ring.
 */
uint32_t bell_listen(uint32_t *bell);

/*
 * Blocks until the bell was rung since @seen, the word @other, if not NULL, differs
 * from @other_seen, or @deadline (of clock_now(); 0: none) has passed. May return early
 * for no reason, for example after a signal. -ETIMEDOUT. Where the kernel cannot or may
 * not wait for two words, a change of @other does not wake.
 */
int bell_wait(uint32_t *bell, uint32_t seen, uint32_t *other, uint32_t other_seen,
	      uint64_t deadline);

/* A bell that a waiter listens to, and what bell_listen() has returned. */
struct bell_heard {
	uint32_t *bell;
	uint32_t seen;
};

/*
 * Blocks until one of @count bells, 1 to BELL_ANY_MAX, was rung since. May return early.
 * Where the kernel cannot or may not wait for several words, it returns within 20 ms.
 */
#define BELL_ANY_MAX 128u
void bell_wait_any(const struct bell_heard *heard, uint32_t count);

/*
 * Wakes the waiters of @bell, or of all bells, if there are any. After the change: the
 * fence in it orders the two. It is no cancellation point and keeps no lock.
 */
void bell_ring(uint32_t *bell);

/* The same right after a change that is a CAS by this thread, if it has succeeded. */
#define BELL_WAITED 1u

static inline void bell_ring_after_cas(uint32_t *bell)
{
	/*
	 * ORD[bell_ring_after_cas:A] full: what has changed, then whether somebody waits for
	 * it; pairs with bell_listen:A
	 */
	fence_after_cas();
	/* relaxed: after the fence */
	if (caa_unlikely(load_relaxed(bell) & BELL_WAITED))
		bell_ring(bell);
}
void bell_ring_all(const struct segment *s);

#endif
