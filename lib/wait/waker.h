/* SPDX-License-Identifier: MIT */
/*
 * Wakers: threads that sleep for the pending waits of a handle, and make their fds
 * readable.
 *
 * Promises  an fd becomes readable at once when its bell is rung and the condition is met,
 *           and within ATTENDANT_MS when it is met without a ring; where the kernel cannot
 *           wait for several futexes (before 5.16, or in a sandbox), up to 20 ms later. One
 *           thread serves all waits at up to 127 bells, so a handle has three at most,
 *           unless the program closes their fds. The library's ends of the fds are not in
 *           the program's table.
 * Needs     waker_begin() before the others. wakers_stop() before attendant_stop().
 * Context   any thread, for each wait one at a time.
 * Used by   pending.c, close.c.
 */
#ifndef KREG_LIB_WAKER_H
#define KREG_LIB_WAKER_H

#include "lib/wait/pending.h"

#pragma GCC visibility push(hidden)

/*
 * Gives a new wait to a waker, and with it the library's end of its pair. -EAGAIN: no thread
 * could be created; -EMFILE, -ENFILE, -ENOMEM.
 */
int waker_begin(struct kreg_pending *pending);

/* A look has not found the condition met: makes the fd unreadable, and waits again. */
void waker_again(struct kreg_pending *pending);

/* The waker frees it. */
void waker_forget(struct kreg_pending *pending);

/*
 * The handle is about to be closed: ends the wakers. Waits that are left have no handle
 * any longer. In a child of fork() there is no thread.
 */
void wakers_stop(struct kreg *k);

#pragma GCC visibility pop

#endif
