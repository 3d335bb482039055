/* SPDX-License-Identifier: MIT */
/*
 * Locks between the threads of one process that are taken so often that a mutex of the C
 * library would cost more than what it protects: inline, one CAS to take and one to give.
 *
 * Promises  as mutex.h: a thread that waits lends its priority to the holder, where the
 *           kernel supports that. lock_give() is ordered against later loads like a CAS
 *           (fence_after_cas()).
 * Needs     to be private to one process, and all 0 at first; the thread that takes it gives
 *           it. A child of fork() does not use one of its parent's.
 * Context   any thread; not in signal handlers. No cancellation point.
 * Used by   heap.c, member.h.
 *
 * The word is that of a futex with priority inheritance, futex(2), if the kernel has those;
 * else the same bits are used by a plain one:
 *
 *   word                    means            becomes, by
 *   0                       free             tid, CAS of the thread that takes it
 *   tid                     held             0, CAS of the holder; {tid, WAITERS}, by a
 *                                            thread that waits, or by the kernel for it
 *   {tid, WAITERS}          held, waited     by the kernel: 0, or that of the next holder.
 *                           for              Plain: 0 by the holder, which wakes one
 *
 * A thread whose id is refused to it asks the kernel for each lock, which knows the id.
 */
#ifndef KREG_BASE_LOCK_H
#define KREG_BASE_LOCK_H

#include <stdbool.h>
#include <stdint.h>

struct lock {
	uint32_t word;
};

/*
 * The id of the calling thread, once it has taken a lock; 0: not known. Of the initial-exec
 * model, so that it is read without a call.
 */
extern __thread uint32_t lock_self __attribute__((tls_model("initial-exec")));

/* The way of those two that have to ask the kernel. */
void lock_wait(struct lock *lock);
void lock_wake(struct lock *lock);

/* Acquire: what the last holder did comes before this. */
static inline bool lock_from(struct lock *lock, uint32_t seen, uint32_t next)
{
	return __atomic_compare_exchange_n(&lock->word, &seen, next, false, __ATOMIC_ACQUIRE,
					   __ATOMIC_RELAXED);
}

static inline void lock_take(struct lock *lock)
{
	if (__builtin_expect(!lock_self || !lock_from(lock, 0, lock_self), 0))
		lock_wait(lock);
}

/* Takes it if it is free; false also if the kernel would have to be asked. */
static inline bool lock_try(struct lock *lock)
{
	return __builtin_expect(lock_self && lock_from(lock, 0, lock_self), 1);
}

static inline void lock_give(struct lock *lock)
{
	uint32_t seen = lock_self;

	/* Release: what this holder did comes before what the next one does. */
	if (__builtin_expect(!seen || !__atomic_compare_exchange_n(&lock->word, &seen, 0, false,
								   __ATOMIC_RELEASE,
								   __ATOMIC_RELAXED),
			     0))
		lock_wake(lock);
}

#endif
