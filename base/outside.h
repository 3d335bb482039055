/* SPDX-License-Identifier: MIT */
/*
 * Outside calls: calls of the program's functions on behalf of a thread that has a table
 * of fds of its own. A second thread, which has the program's table, makes them, and the
 * first waits until they return.
 *
 * Promises  a callback finds the program's fds, whichever thread of the library has
 *           something to report.
 * Needs     a thread in outside_serve() from outside_enter() to outside_leave().
 * Context   outside_call() in any thread. In a child of fork() there is neither thread.
 * Used by   supervisor.c, supervisor_run.c, supervision.c; telemetry.c, starter.c.
 */
#ifndef KREG_BASE_OUTSIDE_H
#define KREG_BASE_OUTSIDE_H

#include <semaphore.h>

/*
 * Private to the two threads. @call and @data belong to the calling thread until it has
 * posted @asked, and again after it has taken @done.
 */
struct outside {
	sem_t asked, done;
	/* NULL: there will not be another */
	void (*call)(void *data);
	void *data;
};

void outside_init(struct outside *out);
void outside_deinit(struct outside *outside);

/* Makes calls until outside_leave(). */
void outside_serve(struct outside *outside);

/*
 * From outside_enter() on the thread that serves makes the calling thread's calls; from
 * outside_leave() on it makes them itself, and the one that serves returns. One thread at
 * a time. outside_enter(NULL): the calling thread makes them itself.
 */
void outside_enter(struct outside *outside);
void outside_leave(struct outside *outside);

/* Calls @call, in this thread or the other, and returns when it has returned. */
void outside_call(void (*call)(void *data), void *data);

#endif
