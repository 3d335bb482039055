/* SPDX-License-Identifier: MIT */
/*
 * What a child that is to become a program or a foster parent does with the fds of its
 * parent.
 *
 * Promises  every fd from the first on is close-on-exec afterwards, or closed, on any
 *           kernel; closed in the order of their numbers.
 * Needs     /proc where the kernel has no close_range(2) for it (before 5.9;
 *           close-on-exec before 5.11).
 * Context   a child of fork() with one thread; async-signal-safe, does not allocate
 *           memory.
 * Used by   start_child.c, start_foster.c, start_watch.c, start_minder.c.
 */
#ifndef KREG_LIB_FDS_H
#define KREG_LIB_FDS_H

#pragma GCC visibility push(hidden)

void fds_close_on_exec(int first);

/* Closes all, @last after all others. */
void fds_close(int last);

/* fds[i] becomes fd i, or is closed if it is -1. All others are closed. */
void fds_keep(const int *fds, int count);
#define FDS_KEPT_MAX 8

#pragma GCC visibility pop

#endif
