/* SPDX-License-Identifier: MIT */
/*
 * Notification of deaths, without delay, by a thread of the library that sleeps in epoll
 * with the owners' pidfds.
 *
 * Promises  these fds are not in the program's table: it cannot close them, and they take
 *           no number that it opens. A death is reported once, also one before
 *           deaths_watch(). If a thread, an fd or a table of fds cannot be created,
 *           deaths are not reported; nothing else fails.
 * Needs     a thread that calls deaths_begin(), then deaths_serve() when asked to, and
 *           deaths_end(); a mutex of the user's around all but deaths_begin() and
 *           deaths_end().
 * Context   as said. In a child of fork() only deaths_free().
 * Used by   attendant.c, sleeper.c.
 */
#ifndef KREG_LIB_DEATHS_H
#define KREG_LIB_DEATHS_H

#include "base/background.h"
#include "lib/handle/handle.h"

#pragma GCC visibility push(hidden)

struct death;

struct deaths {
	struct kreg *k;
	void (*tell)(void *data); /* called in a thread of deaths.c, or in deaths_serve() */
	struct background thread;
	bool is_over;    /* tells the thread to end */
	int epoll, stop; /* in the serving thread's table of fds; -1: none */
	struct cds_list_head wanted, watched, forgotten;
};

void deaths_init(struct deaths *deaths, struct kreg *k, void (*tell)(void *data));

/*
 * In the serving thread: moves it to a table of fds of its own, which has only @keep; -1:
 * no fd.
 */
void deaths_begin(struct deaths *deaths, int keep);
void deaths_serve(struct deaths *deaths);
void deaths_end(struct deaths *deaths);

/* After that thread has ended. */
void deaths_free(struct deaths *deaths);

/* Any thread; the serving thread has to be woken afterwards. NULL: out of memory. */
struct death *deaths_watch(struct deaths *deaths, owner_t owner, void *data);
void deaths_forget(struct deaths *deaths, struct death *death);

#pragma GCC visibility pop

#endif
