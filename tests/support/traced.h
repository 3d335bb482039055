/* SPDX-License-Identifier: MIT */
/*
 * Traced calls: a child that is halted before the n-th system call of what it does, to be killed there, or left
 * for a while and then let go on.
 *
 * Promises  what is before each system call can be looked at, in the order of the main thread's calls.
 * Needs     a body without a call of exec.
 */
#ifndef KREG_TESTS_SUPPORT_TRACED_H
#define KREG_TESTS_SUPPORT_TRACED_H

#include <stdbool.h>
#include <sys/types.h>

/* Runs @body(@data) in a child of its own up to the n-th system call, from 0. False: it has fewer and is gone. */
bool traced_start(int (*body)(void *data), void *data, int n, pid_t *pid);

/*
 * How many system calls the main thread of such a child makes; of what it runs, and not of its end. A body that raises
 * SIGUSR1 begins the count there.
 */
int traced_count(int (*body)(void *data), void *data);

/* Kills it there, or lets it go on to its end: what the body has returned. */
void traced_kill(pid_t pid);
int traced_finish(pid_t pid);

#endif
