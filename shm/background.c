/* SPDX-License-Identifier: MIT */
#include "shm/background.h"

#include <limits.h>
#include <signal.h>

int background_start(pthread_t *thread, void *(*run)(void *data), void *data)
{
	pthread_attr_t attr;
	sigset_t all, before;
	int err = pthread_attr_init(&attr);

	if (err)
		return -err;
	/* They sleep nearly all the time; with a sanitizer's frames they still need some room. */
	pthread_attr_setstacksize(&attr, PTHREAD_STACK_MIN + 65536);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	err = pthread_create(thread, &attr, run, data);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	pthread_attr_destroy(&attr);
	return -err;
}
