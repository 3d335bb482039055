/* SPDX-License-Identifier: MIT */
/*
 * The attendant: a thread that rings bells for the waiters of a handle when no other
 * process does.
 *
 * Promises  a bell is rung at once when an owner dies that a waiter waits for, and within
 *           ATTENDANT_MS when a line is another one than the waiter has seen, whatever
 *           became of the process that changed it. Each line is examined once an interval
 *           and each owner has one pidfd, however many threads wait.
 * Needs     a waiter keeps this order: bell_listen(), line_look(), and if it must wait in
 *           that view: attendant_compare(), sleep.
 * Context   any thread. Each handle has one attendant and one thread of deaths.c, started
 *           at the first wait and ended by kreg_close(). The attendant sleeps without
 *           timeout while no thread waits; the thread of deaths.c checks every 10 s
 *           whether it has to end.
 * Used by   wait.c.
 */
#ifndef KREG_LIB_ATTENDANT_H
#define KREG_LIB_ATTENDANT_H

#include "lib/handle/handle.h"

#pragma GCC visibility push(hidden)

#define ATTENDANT_MS 100

/* A line that threads of the handle wait in; an owner whose death they wait for. */
struct line;
struct watched;

/* NULL: no memory, or no thread could be created; then each waiter has to poll. */
struct line *attendant_join(struct kreg *k, const struct query *q);
void attendant_leave(struct kreg *k, struct line *line);

/* @print: of a view in which the caller must wait; 0: it does not know the line. */
void attendant_compare(struct kreg *k, struct line *line, uint64_t print);

/*
 * Makes @owner's death ring the line's bell at once. NULL: out of memory; then the next
 * look at the line finds the death, as it does if no pidfd is available. The caller has
 * to check afterwards whether @owner is still alive.
 */
struct watched *attendant_watch(struct kreg *k, struct line *line, owner_t owner);
void attendant_forget(struct kreg *k, struct watched *watched);

/*
 * Called when no thread waits any longer. In a child of fork(), where the thread does not
 * exist, only frees memory.
 */
void attendant_stop(struct kreg *k);

#pragma GCC visibility pop

#endif
