/* SPDX-License-Identifier: MIT */
/*
 * A process that kills a program when the program's parent ends. It is for programs that change
 * their credentials, because the kernel clears PR_SET_PDEATHSIG when they do.
 *
 * Promises  the watcher ends with the program. It is a child of init or of a subreaper, never
 *           an unexpected child of the program or its parent, and inherits none of their fds.
 * Context   the child of fork() that is about to exec the program; async-signal-safe.
 * Used by   foster.c.
 */
#ifndef TOOLS_WATCHER_H
#define TOOLS_WATCHER_H

#include <sys/types.h>

/*
 * Starts a watcher that kills the calling process when @parent ends. Return: 0, a negative errno.
 */
int watcher_start(pid_t parent);

#endif
