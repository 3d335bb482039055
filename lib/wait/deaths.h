/* SPDX-License-Identifier: MIT */
/*
 * Deaths of owners, heard of at once by a thread of the library's own that sleeps in epoll with their pidfds.
 *
 * Promises  none of these fds is in the program's table: it can close none, and whatever it opens is none. A death is
 *           told once, also one that was before it was watched. What is not to be had, be it a thread, an fd or
 *           a table of one's own, costs only that: deaths are not told.
 * Needs     a thread that calls deaths_begin(), deaths_serve() when it was asked to, and deaths_end(); a mutex of
 *           the user's around all but deaths_begin() and deaths_end().
 * Context   as said. In a child of fork() deaths_free() alone.
 * Used by   attendant.c, sleeper.c.
 */
#ifndef KREG_LIB_DEATHS_H
#define KREG_LIB_DEATHS_H

#include "lib/handle/handle.h"

#pragma GCC visibility push(hidden)

struct death;

struct deaths {
	struct kreg *k;
	void (*tell)(void *data); /* called in a thread of deaths.c, or in deaths_serve() */
	pthread_t thread;
	bool is_over;    /* the thread has to end */
	int epoll, stop; /* in the table of the thread that has begun; -1: none */
	struct cds_list_head wanted, watched, forgotten;
};

void deaths_init(struct deaths *deaths, struct kreg *k, void (*tell)(void *data));

/* In the thread that serves: from now on it has a table of fds of its own, with @keep alone in it; -1: nothing. */
void deaths_begin(struct deaths *deaths, int keep);
void deaths_serve(struct deaths *deaths);
void deaths_end(struct deaths *deaths);

/* When that thread has ended. */
void deaths_free(struct deaths *deaths);

/* Any thread; the one that serves has to be told afterwards. NULL: no memory is to be had. */
struct death *deaths_watch(struct deaths *deaths, owner_t owner, void *data);
void deaths_forget(struct deaths *deaths, struct death *death);

#pragma GCC visibility pop

#endif
