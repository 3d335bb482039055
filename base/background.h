/* SPDX-License-Identifier: MIT */
/*
 * Background threads: the library's own, beside the program's.
 *
 * Promises  no signal is delivered to them, so the program's handlers run in the
 *           program's threads; their stacks are small, but hold what the program and its
 *           libraries have as thread-local storage; no code cancels them.
 * Needs     the code that starts one joins it.
 * Context   any thread.
 * Used by   life_robust.c, lib/wait/, lib/events/sleeper.c, lib/services/.
 *
 * `make lint` refuses pthread_create elsewhere (build-aux/check-calls).
 */
#ifndef KREG_BASE_BACKGROUND_H
#define KREG_BASE_BACKGROUND_H

#include <pthread.h>

/*
 * A thread; the caller keeps it where it is until background_join() has returned. What the
 * thread is to run is in here and not on the heap: a thread that frees something gets an
 * arena of the C library first, by four system calls.
 */
struct background {
	pthread_t thread;
	void *(*run)(void *data);
	void *data;
};

/* -EAGAIN, -ENOMEM: no thread could be created. */
int background_start(struct background *out, void *(*run)(void *data), void *data);

/*
 * The same with the stack size of the program's own threads, for a thread that calls
 * functions of the program.
 */
int background_start_roomy(struct background *out, void *(*run)(void *data), void *data);

/* Returns when the thread has ended. */
void background_join(struct background *background);

#endif
