/* SPDX-License-Identifier: MIT */
/*
 * Child processes that carry out the test's orders one at a time, and are killed when the test wants it.
 *
 * Test and child exchange numbers: an order, and the child's answer when the step is done. No test sleeps; it waits
 * for the answer.
 */
#ifndef KREG_TESTS_SUPPORT_CHILD_H
#define KREG_TESTS_SUPPORT_CHILD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct child {
	pid_t pid;
	int link; /* a socket: numbers both ways */
};

/* Memory, all 0, that this process and the children that it starts afterwards share; for as long as they live. */
void *child_shared(size_t bytes);

/*
 * After fork(): this process is killed when its parent ends, or ends at once if @parent, which forked it, has ended
 * already. The kernel sends nothing for a parent that was dead before it was asked to.
 */
void child_ends_with(pid_t parent);

/* In a child of its own: runs @body, and exits with what that returns. */
struct child child_start(int (*body)(int link, void *data), void *data);

/* On either side: send a number; receive the next, or INT64_MIN when the other side is gone. */
void link_say(int link, int64_t number);
int64_t link_hear(int link);

/* The same, and returns when the child has sent 0: it is ready. */
struct child child_start_ready(int (*body)(int link, void *data), void *data);

/* Sends the child a number, and returns its answer. */
int64_t child_ask(struct child *child, int64_t order);

/* Kills and reaps. child_end() lets it end by itself, and returns its wait status. */
void child_kill(struct child *child);
int child_end(struct child *child);

/* Kills, and returns when a pidfd says that it is dead; the caller reaps it with child_end(). */
void child_kill_by_pidfd(struct child *child);

/* Returns when its first thread sleeps, as it does in a call that waits. */
void child_await_sleep(const struct child *child);

/* Returns when it was stopped by a signal. */
void child_await_stop(const struct child *child);

#endif
