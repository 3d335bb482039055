/* SPDX-License-Identifier: MIT */
/*
 * What a child that is to become a program or a foster parent does with the fds of its
 * parent.
 *
 * Promises  every fd from the first on is close-on-exec afterwards, or closed, on any
 *           kernel.
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

/* Closes all but @kept. */
void fds_close_others(int kept);

/* 0, 1 and 2 become /dev/null. */
void fds_open_standard(void);

/* fds[i] becomes fd i, or is closed if it is -1. All others are closed. */
void fds_keep(const int *fds, int count);
#define FDS_KEPT_MAX 8

#pragma GCC visibility pop

#endif
