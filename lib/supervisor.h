/* SPDX-License-Identifier: MIT */
/*
 * What a supervisor has: its thread's, but for what is named below.
 *
 * Promises  supervisor_run() leaves no service, no zombie and no name when it returns.
 * Needs     a thread of its own: services die with the thread that has started them.
 * Used by   supervisor.c.
 */
#ifndef KREG_LIB_SUPERVISOR_H
#define KREG_LIB_SUPERVISOR_H

#include <pthread.h>
#include <semaphore.h>

#include "lib/handle.h"
#include "lib/supervision.h"
#include "lib/ward.h"

#pragma GCC visibility push(hidden)

struct kreg_supervisor {
	struct kreg *k;
	struct supervision *plan;
	struct ward *wards;       /* in the order of start */
	struct restart_place *places; /* as many */
	struct restart_step *steps;   /* three times as many */
	struct pollfd *polled;        /* one more: @orders first */
	struct restart_history history;
	pthread_t thread;
	int orders;                  /* an eventfd, readable when all is to be stopped; anybody's */
	int ended;                   /* an eventfd, readable when the tree has ended; anybody's */
	sem_t begun;                 /* then @result and @why are said */
	int result;                  /* of the first start */
	char why[KREG_ROLE_MAX + 1]; /* the role that it failed with */
};

/* The thread: @data is the supervisor. */
void *supervisor_run(void *data);

#pragma GCC visibility pop

#endif
