/* SPDX-License-Identifier: MIT */
/*
 * Mutexes between the threads of one process, with priority inheritance.
 *
 * Promises  a thread that waits for a mutex lends its priority to the holder, where the
 *           kernel supports that; so a thread of middle priority that has nothing to do
 *           with the mutex cannot keep a more urgent one waiting.
 * Needs     to be private to one process. A child of fork() initializes it again before
 *           using it: a thread that exists in the parent only may have held it at the
 *           fork.
 * Context   any thread; not in signal handlers.
 * Used by   all that locks.
 */
#ifndef KREG_BASE_MUTEX_H
#define KREG_BASE_MUTEX_H

#include <pthread.h>
#include <stdbool.h>

/* -EAGAIN, -ENOMEM. Destroyed by pthread_mutex_destroy(). */
int mutex_init(pthread_mutex_t *mutex);

/* Whether the kernel lends priorities, to this process. */
bool mutex_inherits(void);

#endif
