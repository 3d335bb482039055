/* SPDX-License-Identifier: MIT */
/*
 * Calls: no call of the library is a cancellation point, and each knows its name.
 *
 * Promises  a thread that is cancelled with pthread_cancel() inside a call ends after it,
 *           at the next cancellation point of the program; so no mutex stays locked, no
 *           block is lost, and the caller learns what the call has done. Functions of the
 *           program that a call calls run like that as well.
 *
 *           call_of() is the call that the program has made, also where that call makes
 *           others and where its functions find the fault. It is for messages.
 * Needs     UNCANCELLABLE; at the beginning of each exported function that may lock,
 *           allocate or call the kernel. `make lint` looks for it
 *           (build-aux/check-calls). Those that are named there as quick have it in the
 *           functions for what is unusual: changing the state and back takes 60
 *           instructions and two atomic operations, and their usual path calls no
 *           function that is a cancellation point. A type of cancellation other than
 *           the deferred one is not supported, as by most of the C library.
 *           OUTSIDE_OF_CALL; where functions of the program are called, which may make
 *           calls of their own.
 * Context   any thread.
 * Used by   all of lib/.
 */
#ifndef KREG_BASE_CALL_H
#define KREG_BASE_CALL_H

#include <pthread.h>

#pragma GCC visibility push(hidden)

/*
 * The call that this thread is in; NULL: none. A string, not a frame, so that a program that
 * leaves a call by longjmp(3) gets at worst the wrong name in a message.
 */
extern __thread const char *call_name __attribute__((tls_model("initial-exec")));

/*
 * The call that the program has made, asked in @function, which is __func__: one that is usually
 * without UNCANCELLABLE has no other name.
 */
const char *call_of(const char *function) __attribute__((cold, noinline));

#pragma GCC visibility pop

/* What was before. A call inside of a callback finds cancellation disabled already. */
struct call_before {
	int state;
	const char *name;
};

static inline struct call_before call_begin(const char *name)
{
	struct call_before before = { PTHREAD_CANCEL_DISABLE, call_name };

	if (!call_name)
		call_name = name;
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &before.state);
	return before;
}

/*
 * Restores only what call_begin() has changed, so that a nested call does not enable
 * cancellation for the rest of the outer one.
 */
static inline void call_end(const struct call_before *before)
{
	call_name = before->name;
	if (before->state != PTHREAD_CANCEL_DISABLE)
		pthread_setcancelstate(before->state, NULL);
}

/* Until the block that it stands in is left, on whatever path. */
#define UNCANCELLABLE UNCANCELLABLE_IN(__func__)
/* In a function that does a part of the call @name. */
#define UNCANCELLABLE_IN(name)                                                                     \
	const struct call_before call_before __attribute__((cleanup(call_end))) = call_begin(name)

static inline const char *call_pause(void)
{
	const char *name = call_name;

	call_name = NULL;
	return name;
}

static inline void call_resume(const char *const *name)
{
	call_name = *name;
}

/* The same for functions of the program that are called. */
#define OUTSIDE_OF_CALL                                                                            \
	const char *const call_paused __attribute__((cleanup(call_resume), unused)) = call_pause()

#endif
