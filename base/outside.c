/* SPDX-License-Identifier: MIT */
#include "base/outside.h"

#include <stddef.h>

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

static void wait_for(sem_t *semaphore)
{
	while (sem_wait(semaphore))
		;
}

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
