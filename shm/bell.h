/* SPDX-License-Identifier: MIT */
/*
 * Bells: how one process wakes those who wait for a change, at the cost of a load when nobody does.
 *
 * Promises  a waiter that listens, finds nothing and waits is woken by the next change, if its maker lives to ring;
 *           a waiter that dies leaves a flag that the next ring clears; a deadline is kept, whatever the kernel refuses.
 * Needs     a change is made before the ring, and looked for after bell_listen(). A waiter also looks from time to
 *           time, or somebody does for it, because a change may be made by a process that never comes to ring.
 * Context   bell_ring(): any thread; one system call if somebody waits. bell_wait() blocks.
 * Used by   log, succession, lib/.
 *
 * A bell is a futex word, shared by all keys whose hash leads to it, so a waiter looks again for what it
 * waits for whenever it is woken:
 *
 *   31                          1   0
 *  +-----------------------------+---+
 *  | rings so far                | W |   W: somebody may wait
 *  +-----------------------------+---+
 */
#ifndef KREG_SHM_BELL_H
#define KREG_SHM_BELL_H

#include "shm/segment.h"

uint32_t *bell_of(const struct segment *s, uint32_t hash);

/* Says that the caller is about to wait; what bell_wait() needs. */
uint32_t bell_listen(uint32_t *bell);

/*
 * Waits until the bell was rung since @seen, or the word @other, if not NULL, is no more @other_seen, or
 * until @deadline (of clock_now(); 0: for ever), or for no reason. -ETIMEDOUT. Where the kernel cannot or
 * may not wait for two words, @other wakes nobody.
 */
int bell_wait(uint32_t *bell, uint32_t seen, uint32_t *other, uint32_t other_seen,
	      uint64_t deadline);

void bell_ring(uint32_t *bell);
void bell_ring_all(const struct segment *s);

#endif
