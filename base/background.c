/* SPDX-License-Identifier: MIT */
#include "base/background.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>

struct task {
	void *(*run)(void *data);
	void *data;
};

static void *begin(void *data)
{
	struct task task = *(struct task *)data;

	free(data);
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, NULL);
	return task.run(task.data);
}

static int start(pthread_t *thread, const pthread_attr_t *attr, void *(*run)(void *data),
		 void *data)
{
	struct task *task = malloc(sizeof(*task));
	sigset_t all, before;
	int err;

	if (!task)
		return -ENOMEM;
	*task = (struct task){ .run = run, .data = data };
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	err = pthread_create(thread, attr, begin, task);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (err)
		free(task);
	return -err;
}

int background_start(pthread_t *thread, void *(*run)(void *data), void *data)
{
	pthread_attr_t attr;
	int err = pthread_attr_init(&attr);

	if (err)
		return -err;
	/* They sleep nearly all the time; with a sanitizer's frames they still need some room. */
	pthread_attr_setstacksize(&attr, PTHREAD_STACK_MIN + 65536);
	err = start(thread, &attr, run, data);
	pthread_attr_destroy(&attr);
	return err;
}

int background_start_roomy(pthread_t *thread, void *(*run)(void *data), void *data)
{
	return start(thread, NULL, run, data);
}
