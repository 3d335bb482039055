/* SPDX-License-Identifier: MIT */
/*
 * Who waits sets W, looks, and sleeps if the word is still the same. Who changes something looks at the
 * word afterwards, with a full fence between: so either the waiter sees the change, or the ringer sees W.
 *
 *   killed here                       what is left
 *   after W was set                   a flag; the next ring clears it and wakes nobody
 *   after a change, before its ring   W, and those who sleep. So who waits for what a process may do
 *                                     also watches that process's life
 *
 * To clear W and to wake are one system call, FUTEX_WAKE_OP, because a process that was killed between
 * the two would leave sleepers without W, whom no later ring would wake. Adding 1 to a word that has W
 * clears W and counts the ring; to one that another ringer was quicker with, it sets W for nothing.
 *
 * Sources: futex(2); futex_waitv, the kernel's Documentation/userspace-api/futex2.rst.
 */
#include "shm/bell.h"

#include <errno.h>
#include <limits.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/futex.h>

#define BELL_WAITED 1u

uint32_t *bell_of(const struct segment *s, uint32_t hash)
{
	return &s->header->bells[hash % SEGMENT_BELLS];
}

static bool bell_cas(uint32_t *bell, uint32_t *seen, uint32_t next)
{
	/*
	 * ORD[bell_cas:A] acq_rel: what the last ringer had changed, then what we see; pairs with
	 * bell_ring:A
	 */
	return __atomic_compare_exchange_n(bell, seen, next, false, __ATOMIC_ACQ_REL,
					   __ATOMIC_ACQUIRE);
}

uint32_t bell_listen(uint32_t *bell)
{
	uint32_t seen = load_relaxed(bell); /* relaxed: the CAS looks again */

	while (!(seen & BELL_WAITED) && !bell_cas(bell, &seen, seen | BELL_WAITED))
		;
	/*
	 * ORD[bell_listen:A] full: W, then the look for what is waited for; pairs with bell_ring:A
	 */
	full_fence();
	return seen | BELL_WAITED;
}

void bell_ring(uint32_t *bell)
{
	uint32_t seen;

	/*
	 * ORD[bell_ring:A] full: what has changed, then whether somebody waits for it; pairs with
	 * bell_listen:A, bell_cas:A
	 */
	full_fence();
	seen = load_relaxed(bell); /* relaxed: after the fence */
	if (seen & BELL_WAITED)
		syscall(SYS_futex, bell, FUTEX_WAKE_OP, INT_MAX, 0L, bell,
			FUTEX_OP(FUTEX_OP_ADD, 1, FUTEX_OP_CMP_EQ, 0)); /* happens here */
}

void bell_ring_all(const struct segment *s)
{
	uint32_t i;

	for (i = 0; i < SEGMENT_BELLS; i++)
		bell_ring(&s->header->bells[i]);
	bell_ring(&s->header->news);
}

int bell_wait(uint32_t *bell, uint32_t seen, uint32_t *other, uint32_t other_seen,
	      const struct timespec *deadline)
{
	struct futex_waitv words[] = {
		{ .uaddr = (uintptr_t)bell, .val = seen, .flags = FUTEX_32 },
		{ .uaddr = (uintptr_t)other, .val = other_seen, .flags = FUTEX_32 },
	};
	long got = -1;

	if (other)
		got = syscall(SYS_futex_waitv, words, 2, 0, deadline, CLOCK_MONOTONIC);
	/* Linux before 5.16 waits for one at a time. */
	if (!other || (got < 0 && errno == ENOSYS))
		got = syscall(SYS_futex, bell, FUTEX_WAIT_BITSET, seen, deadline, NULL,
			      FUTEX_BITSET_MATCH_ANY);
	return got < 0 && errno == ETIMEDOUT ? -ETIMEDOUT : 0;
}
