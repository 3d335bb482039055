/* SPDX-License-Identifier: MIT */
/*
 * Mutexes between the threads of one process, with priority inheritance.
 *
 * Promises  a thread that waits for a mutex lends its priority to the holder, where the kernel has that; so
 *           a thread of middle priority cannot keep a more urgent one waiting that has nothing to do with it.
 * Needs     to be private to one process. In a child of fork() it is made anew before it is used there.
 * Context   any thread; not in signal handlers.
 * Used by   all that locks.
 */
#ifndef KREG_BASE_MUTEX_H
#define KREG_BASE_MUTEX_H

#include <pthread.h>

/* -EAGAIN, -ENOMEM. Its end is pthread_mutex_destroy(). */
int mutex_init(pthread_mutex_t *mutex);

#endif
