/* SPDX-License-Identifier: MIT */
/*
 * The attendant: a thread that rings for the waiters of a handle when somebody else does not.
 *
 * Promises  a bell is rung at once when an owner dies that is in the way, and within ATTENDANT_MS when a line has
 *           changed that a waiter has found otherwise, whatever became of the process that changed it. Each line is
 *           looked at once an interval and each owner has one pidfd, however many threads wait.
 * Needs     a waiter does it in this order: bell_listen(), line_look(), and if it has to wait in that view:
 *           attendant_compare(), sleep.
 * Context   any thread. Started at the first wait, one for each handle with one of deaths.c, ended by kreg_close(). It sleeps for good
 *           while nobody waits; that of deaths.c looks every 10 s whether it has to end.
 * Used by   wait.c.
 */
#ifndef KREG_LIB_ATTENDANT_H
#define KREG_LIB_ATTENDANT_H

#include "lib/handle/handle.h"

#pragma GCC visibility push(hidden)

#define ATTENDANT_MS 100

/* A line that some threads of the handle wait for; an owner whose death some of them wait for. */
struct line;
struct dread;

/* NULL: no thread or memory is to be had; then each waiter has to look by itself. */
struct line *attendant_join(struct kreg *k, const struct query *q);
void attendant_leave(struct kreg *k, struct line *line);

/* The print of a view in which the caller has to wait; 0: it does not know the line. */
void attendant_compare(struct kreg *k, struct line *line, uint64_t print);

/*
 * Has the line's bell rung at once when @owner dies. NULL: only the next look at the line finds that, because no memory
 * is to be had; the same if no pidfd is to be had. Whether @owner is still alive is to be asked afterwards.
 */
struct dread *attendant_watch(struct kreg *k, struct line *line, owner_t owner);
void attendant_forget(struct kreg *k, struct dread *dread);

/* Nobody waits any more. In a child of fork(), where there is no thread, only memory goes. */
void attendant_stop(struct kreg *k);

#pragma GCC visibility pop

#endif
