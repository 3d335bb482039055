/* SPDX-License-Identifier: MIT */
/*
 * Calls that one thread makes for another: two semaphores and one call at a time.
 *
 *   the calling thread              the serving thread
 *   1 writes call and data
 *   2 posts asked                   3 takes asked, calls, posts done
 *   4 takes done
 *
 * Each semaphore orders the words for the other thread, so they need no lock.
 */
#include "base/outside.h"

#include <stddef.h>

/* By which other thread this one has its calls made; NULL: it makes them itself. */
static __thread struct outside *entered;

void outside_init(struct outside *out)
{
	*out = (struct outside){ 0 };
	sem_init(&out->asked, 0, 0);
	sem_init(&out->done, 0, 0);
}

void outside_deinit(struct outside *outside)
{
	sem_destroy(&outside->done);
	sem_destroy(&outside->asked);
}

/*
 * A signal handler interrupts sem_wait(); the wait goes on, because a call that returned
 * early would use data of a frame that is still in use by the other thread.
 */
static void wait_for(sem_t *semaphore)
{
	while (sem_wait(semaphore))
		;
}

/* Ends after outside_leave(): the semaphore is posted with no call. */
void outside_serve(struct outside *outside)
{
	for (;;) {
		wait_for(&outside->asked);
		if (!outside->call)
			return;
		outside->call(outside->data);
		sem_post(&outside->done);
	}
}

void outside_enter(struct outside *outside)
{
	entered = outside;
}

void outside_leave(struct outside *outside)
{
	entered = NULL;
	outside->call = NULL;
	sem_post(&outside->asked);
}

void outside_call(void (*call)(void *data), void *data)
{
	if (!entered) {
		call(data);
		return;
	}
	entered->call = call;
	entered->data = data;
	sem_post(&entered->asked);
	wait_for(&entered->done);
}
