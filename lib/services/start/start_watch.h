/* SPDX-License-Identifier: MIT */
/*
 * Processes that end a program when its foster parent, or its starter, has ended.
 *
 * Promises  the program is killed then, whatever became of its credentials and of
 *           PR_SET_PDEATHSIG; until it has ended, its name cannot be taken.
 * Needs     all signals blocked.
 * Context   as start_child.h.
 * Used by   start_child.c, start_foster.c, start_minder.c.
 */
#ifndef KREG_LIB_START_WATCH_H
#define KREG_LIB_START_WATCH_H

#include "lib/services/start/start_child.h"

#pragma GCC visibility push(hidden)

/*
 * In the foster parent, whose life is @first, before it starts the program: starts a child
 * that is to watch both. Returns its pid and in *link a socket to it, or a negative errno.
 */
pid_t start_watch_foster(const struct start_plan *plan, uint64_t first, int *link);

/*
 * In the process that is to become the program: waits until the watcher watches it, fills in
 * what START_SEATED says of it, and closes @link. 0; -ECHILD: the watcher has ended;
 * errors of kreg_inner_seat().
 */
int start_be_watched(int link, struct start_word *seated);

/*
 * In the process that is to become the program: starts a process, child of no process of
 * kreg's, that watches the starter. 0, or a negative errno.
 */
int start_watch_starter(const struct start_plan *plan);

/*
 * In the process that is to become the program: starts a process that is not its child,
 * because the program must not have a child that it does not know of. It has no fds but
 * @fds, in the place of the first @count, as fds_keep() puts them. @prepare runs in its
 * parent, which ends. Returns 1 in the new process, and in the caller 0 or a negative errno.
 */
int start_beside(const int *fds, int count, void (*prepare)(void));

#pragma GCC visibility pop

#endif
