/* SPDX-License-Identifier: MIT */
/* Locks: how a thread waits for one, and wakes the next. */
#include "base/lock.h"

#include <errno.h>
#include <pthread.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <linux/futex.h>

#include "base/mutex.h"
#include "base/process.h"

/* The highest id that the word has room for: no thread has it. */
#define NOBODY FUTEX_TID_MASK
/* Between two looks at a lock where the kernel refuses to wait for it. */
#define PAUSE_NS 1000000

__thread uint32_t lock_self;

static pthread_once_t once = PTHREAD_ONCE_INIT;
/* These two are written under @once. */
static bool inherits, renews;

/* The thread that called fork() has another id in the child. */
static void child_begins(void)
{
	lock_self = 0;
}

static void begin(void)
{
	inherits = mutex_inherits();
	renews = !pthread_atfork(NULL, NULL, child_begins);
}

static long futex(struct lock *lock, int operation, uint32_t value)
{
	return syscall(SYS_futex, &lock->word, operation, value, NULL, NULL, 0);
}

/* By syscall(), because the C library's is a cancellation point. */
static void pause_shortly(void)
{
	const struct timespec pause = { .tv_nsec = PAUSE_NS };

	syscall(SYS_clock_nanosleep, CLOCK_MONOTONIC, 0, &pause, NULL);
}

static uint32_t own_id(void)
{
	pid_t tid;

	if (lock_self)
		return lock_self;
	tid = process_tid();
	/* Without the handler a child would go on with the id of its parent's thread. */
	if (tid > 0 && renews)
		lock_self = (uint32_t)tid;
	return lock_self ? lock_self : NOBODY;
}

/* The kernel puts the id into the word, whether this thread knows its own or not. */
static void wait_and_lend(struct lock *lock)
{
	while (futex(lock, FUTEX_LOCK_PI_PRIVATE, 0)) {
		/* EAGAIN: the holder is about to end. Else it was refused. */
		if (errno != EAGAIN)
			pause_shortly();
		if (lock_from(lock, 0, own_id()))
			return;
	}
	/* The kernel's store orders nothing that a checker for races knows of. */
	__atomic_fetch_or(&lock->word, 0, __ATOMIC_ACQUIRE);
}

/* Takes it with WAITERS: there may be others, and the thread that has set it is awake. */
static void wait_plainly(struct lock *lock)
{
	while (!lock_from(lock, 0, own_id() | FUTEX_WAITERS)) {
		uint32_t seen = __atomic_load_n(&lock->word, __ATOMIC_RELAXED);

		if (!seen ||
		    (!(seen & FUTEX_WAITERS) && !lock_from(lock, seen, seen | FUTEX_WAITERS)))
			continue;
		if (futex(lock, FUTEX_WAIT_PRIVATE, seen | FUTEX_WAITERS) && errno != EAGAIN &&
		    errno != EINTR)
			pause_shortly();
	}
}

void lock_wait(struct lock *lock)
{
	pthread_once(&once, begin);
	if (own_id() != NOBODY && lock_from(lock, 0, lock_self))
		return;
	if (inherits)
		wait_and_lend(lock);
	else
		wait_plainly(lock);
}

void lock_wake(struct lock *lock)
{
	uint32_t seen = own_id();

	if (__atomic_compare_exchange_n(&lock->word, &seen, 0, false, __ATOMIC_RELEASE,
					__ATOMIC_RELAXED))
		return;
	if (inherits) {
		/* As in wait_and_lend(), before the kernel gives it to the next. */
		__atomic_fetch_or(&lock->word, 0, __ATOMIC_RELEASE);
		futex(lock, FUTEX_UNLOCK_PI_PRIVATE, 0);
		return;
	}
	/* No store: lock.h promises an order that it would not have. */
	__atomic_exchange_n(&lock->word, 0, __ATOMIC_RELEASE);
	futex(lock, FUTEX_WAKE_PRIVATE, 1);
}
