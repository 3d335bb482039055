/* SPDX-License-Identifier: MIT */
/*
 * Calls: no call of the library is a cancellation point.
 *
 * Promises  a thread that is cancelled with pthread_cancel() inside a call ends after it,
 *           at the next cancellation point of the program; so no mutex stays locked, no
 *           block is lost, and the caller learns what the call has done. Functions of the
 *           program that a call calls run like that as well.
 * Needs     UNCANCELLABLE; at the beginning of each exported function that may lock,
 *           allocate or call the kernel. `make lint` looks for it
 *           (build-aux/check-calls). Those that are named there as quick have it in the
 *           functions for what is unusual: changing the state and back takes 60
 *           instructions and two atomic operations, and their usual path calls no
 *           function that is a cancellation point. A type of cancellation other than
 *           the deferred one is not supported, as by most of the C library.
 * Context   any thread.
 * Used by   all of lib/.
 */
#ifndef KREG_BASE_CALL_H
#define KREG_BASE_CALL_H

#include <pthread.h>

/* The state before. A call inside of a callback finds it disabled already. */
static inline int call_begin(void)
{
	int before = PTHREAD_CANCEL_DISABLE;

	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &before);
	return before;
}

/*
 * Restores only what call_begin() has changed, so that a nested call does not enable
 * cancellation for the rest of the outer one.
 */
static inline void call_end(const int *before)
{
	if (*before != PTHREAD_CANCEL_DISABLE)
		pthread_setcancelstate(*before, NULL);
}

/* Until the block that it stands in is left, on whatever path. */
#define UNCANCELLABLE                                                                              \
	const int cancel_state_before __attribute__((cleanup(call_end))) = call_begin()

#endif
