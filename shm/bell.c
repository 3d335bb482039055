/* SPDX-License-Identifier: MIT */
/*
 * A waiter sets W, checks its condition, and sleeps if the word is still the same. A
 * changer looks at the word after its change, with a full fence between: so either the
 * waiter sees the change, or the ringer sees W.
 *
 *   killed or stopped here, exec      what is left
 *   after W was set                   a flag; the next ring clears it and wakes nobody
 *   after a change, before its ring   W, and waiters that sleep although their condition is
 *                                     true. So no waiter relies on the ring alone:
 *                                     lib/wait/attendant.c, lib/events/sleeper.c
 *
 * Clearing W and waking are one system call, FUTEX_WAKE_OP, because a process that is
 * killed between the two would leave sleepers without W, which no later ring would
 * wake. Adding 1 to a word that has W clears W and counts the ring; to a word whose W
 * another ringer has just cleared it sets W for nothing, which costs the next ring a
 * system call.
 *
 * The kernel compares the word under the lock of the futex's hash bucket, and
 * FUTEX_WAKE_OP changes it under the same lock: so a waiter either finds the new word
 * and returns, or is queued and woken. The calls are without FUTEX_PRIVATE_FLAG:
 * waiters are other processes, and the kernel has to find them by the file's page and
 * not by an address.
 *
 * Sources: futex(2); futex_waitv, the kernel's Documentation/userspace-api/futex2.rst.
 */
#include "shm/bell.h"

#include <errno.h>
#include <limits.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/futex.h>

#include "base/clock.h"

/* Its number is the same on all architectures, and C libraries are late to know it. */
#ifndef SYS_futex_waitv
#define SYS_futex_waitv 449
#endif

/*
 * How often a bell is looked at where the kernel refuses futexes altogether, as some
 * sandboxes do. Waits are late by that much then, but neither fail nor spin.
 */
#define BELL_LOOK_NS 20000000u

/*
 * Set once futex_waitv(2) has failed: a kernel before 5.16 does not have it, and
 * sandboxes refuse it. Private to the process; every thread may set it, and nothing
 * clears it.
 */
static uint64_t one_at_a_time;

static bool bell_cas(uint32_t *bell, uint32_t *seen, uint32_t next)
{
	/*
	 * ORD[bell_cas:A] acq_rel: what the last ringer had changed, then what we see;
	 * pairs with bell_ring:A
	 */
	return __atomic_compare_exchange_n(bell, seen, next, false, __ATOMIC_ACQ_REL,
					   __ATOMIC_ACQUIRE);
}

uint32_t bell_listen(uint32_t *bell)
{
	/* A CAS fails if another process rang or listened: one of them makes progress. */
	uint32_t seen = load_relaxed(bell); /* relaxed: the CAS looks again */

	while (!(seen & BELL_WAITED) && !bell_cas(bell, &seen, seen | BELL_WAITED))
		;
	/*
	 * ORD[bell_listen:A] full: W, then the look for what is waited for; pairs with
	 * bell_ring:A, bell_ring_after_cas:A
	 */
	full_fence();
	return seen | BELL_WAITED;
}

void bell_ring(uint32_t *bell)
{
	uint32_t seen;

	/*
	 * ORD[bell_ring:A] full: what has changed, then whether somebody waits for it;
	 * pairs with bell_listen:A, bell_cas:A
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

/*
 * Whether a wait's result is the kernel's answer to the wait, and not a refusal to
 * wait. EINTR is one: the caller checks its condition again, and perhaps a signal's
 * effect.
 */
static bool is_answer(long got)
{
	return got >= 0 || errno == EAGAIN || errno == EINTR || errno == ETIMEDOUT;
}

/* Sleeps for one look, or until an earlier deadline. -ETIMEDOUT, or 0: look again. */
static int wait_by_the_clock(uint64_t deadline)
{
	uint64_t until = clock_now() + BELL_LOOK_NS;
	struct timespec at;

	if (deadline && deadline < until)
		until = deadline;
	at = clock_time(until);
	clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL);
	return deadline && deadline <= clock_now() ? -ETIMEDOUT : 0;
}

int bell_wait(uint32_t *bell, uint32_t seen, uint32_t *other, uint32_t other_seen,
	      uint64_t deadline)
{
	struct timespec at = clock_time(deadline), *until = deadline ? &at : NULL;
	struct futex_waitv words[] = {
		{ .uaddr = (uintptr_t)bell, .val = seen, .flags = FUTEX_32 },
		{ .uaddr = (uintptr_t)other, .val = other_seen, .flags = FUTEX_32 },
	};
	long got = -1;

	/* As if refused: each form of waiting is tried until one gets an answer. */
	errno = ENOSYS;
	if (other && !load_relaxed(&one_at_a_time)) { /* relaxed: a hint */
		got = syscall(SYS_futex_waitv, words, 2, 0, until, CLOCK_MONOTONIC);
		if (!is_answer(got))
			store_relaxed(&one_at_a_time, 1ull); /* relaxed: as above */
	}
	/* The timeout of FUTEX_WAIT would be relative, and start again with each call. */
	if (!is_answer(got))
		got = syscall(SYS_futex, bell, FUTEX_WAIT_BITSET, seen, until, NULL,
			      FUTEX_BITSET_MATCH_ANY);
	if (!is_answer(got))
		return wait_by_the_clock(deadline);
	return got < 0 && errno == ETIMEDOUT ? -ETIMEDOUT : 0;
}

void bell_wait_any(const struct bell_heard *heard, uint32_t count)
{
	struct futex_waitv words[BELL_ANY_MAX];
	uint32_t i;

	for (i = 0; i < count && i < BELL_ANY_MAX; i++)
		words[i] = (struct futex_waitv){ .uaddr = (uintptr_t)heard[i].bell,
						 .val = heard[i].seen,
						 .flags = FUTEX_32 };
	if (!load_relaxed(&one_at_a_time)) { /* relaxed: a hint */
		if (is_answer(syscall(SYS_futex_waitv, words, i, 0, NULL, CLOCK_MONOTONIC)))
			return;
		store_relaxed(&one_at_a_time, 1ull); /* relaxed: as above */
	}
	/* The first of them at once, the others by the clock. */
	bell_wait(heard->bell, heard->seen, NULL, 0, i > 1 ? clock_now() + BELL_LOOK_NS : 0);
}
