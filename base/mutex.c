/* SPDX-License-Identifier: MIT */
/* Mutexes with priority inheritance, where the kernel has it. */
#include "base/mutex.h"

#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/futex.h>

/*
 * Whether the kernel has it is asked once in a process; written under @once, constant
 * afterwards.
 */
static pthread_once_t once = PTHREAD_ONCE_INIT;
static bool inherits;

/*
 * A sandbox may refuse this system call only, and the C library finds that out in the
 * middle of a lock, which then returns without it. So the kernel is asked first, by
 * locking a futex of our own.
 */
static void ask_kernel(void)
{
	uint32_t word = 0;

	if (syscall(SYS_futex, &word, FUTEX_LOCK_PI_PRIVATE, 0, NULL))
		return;
	inherits = !syscall(SYS_futex, &word, FUTEX_UNLOCK_PI_PRIVATE, 0, NULL);
}

bool mutex_inherits(void)
{
	pthread_once(&once, ask_kernel);
	return inherits;
}

int mutex_init(pthread_mutex_t *mutex)
{
	pthread_mutexattr_t attr;
	int err = pthread_mutexattr_init(&attr);

	if (err)
		return -err;
	/*
	 * Without it the mutex is a plain one: a correct lock, but without the promise
	 * about priorities.
	 */
	if (mutex_inherits())
		pthread_mutexattr_setprotocol(&attr, PTHREAD_PRIO_INHERIT);
	err = pthread_mutex_init(mutex, &attr);
	pthread_mutexattr_destroy(&attr);
	return -err;
}
