/* SPDX-License-Identifier: MIT */
/*
 * Calls of the program's functions from a thread that has a table of fds of its own: a second thread, which has the
 * program's table, makes them, and the first waits until they return.
 *
 * Promises  a callback finds the program's fds, whichever thread of the library has something to tell.
 * Needs     a thread in outside_serve() from outside_enter() to outside_leave().
 * Context   outside_call() in any thread. In a child of fork() there is neither thread.
 * Used by   supervisor.c, supervisor_run.c, supervision.c; telemetry.c, starter.c.
 */
#ifndef KREG_BASE_OUTSIDE_H
#define KREG_BASE_OUTSIDE_H

#include <semaphore.h>

struct outside {
	sem_t asked, done;
	void (*call)(void *data); /* NULL: there will be no more */
	void *data;
};

void outside_init(struct outside *out);
void outside_deinit(struct outside *outside);

/* Makes calls until outside_leave(). */
void outside_serve(struct outside *outside);

/* The calling thread's calls are made by the one that serves; by itself again, and there will be no more. One thread at a time. NULL: by itself. */
void outside_enter(struct outside *outside);
void outside_leave(struct outside *outside);

/* Calls @call, here or there, and returns when it has returned. */
void outside_call(void (*call)(void *data), void *data);

#endif
