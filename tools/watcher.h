/* SPDX-License-Identifier: MIT */
/*
 * A process that kills a program when its parent has ended, for programs that change their credentials: the kernel
 * forgets PR_SET_PDEATHSIG then.
 *
 * Promises  it ends with the program; it is nobody's child that knows nothing of it, and has no fd of theirs.
 * Context   the child of fork() that is about to become the program; async-signal-safe.
 * Used by   foster.c.
 */
#ifndef TOOLS_WATCHER_H
#define TOOLS_WATCHER_H

#include <sys/types.h>

/* Watches @parent for the calling process. 0; a negative errno. */
int watcher_start(pid_t parent);

#endif
