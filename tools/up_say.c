/* SPDX-License-Identifier: MIT */
/*
 * Keeps the first reason only. Later ones follow from it: services that start after the failed
 * one are not started either.
 */
#include "tools/up_say.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "lib/kreg.h"

/* The supervisor logs "NAMESPACE/ROLE: cannot be started: REASON". */
#define NOT_STARTED "cannot be started: "

static char not_started[UP_WHY_BYTES];
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

void up_say(const char *sentence, void *data)
{
	const char *why = strstr(sentence, NOT_STARTED);

	(void)data;
	fprintf(stderr, "regtool: %s\n", sentence);
	if (!why)
		return;
	pthread_mutex_lock(&mutex);
	if (!*not_started)
		snprintf(not_started, sizeof(not_started), "%s", why);
	pthread_mutex_unlock(&mutex);
}

void up_forget_why(void)
{
	pthread_mutex_lock(&mutex);
	*not_started = 0;
	pthread_mutex_unlock(&mutex);
}

void up_say_why(char out[UP_WHY_BYTES], const char *role, int err)
{
	pthread_mutex_lock(&mutex);
	snprintf(out, UP_WHY_BYTES, "%s%s%.300s", role, *role ? ": " : "",
		 *role && *not_started ? not_started : kreg_strerror(err));
	pthread_mutex_unlock(&mutex);
}
