/* SPDX-License-Identifier: MIT */
/*
 * Detection of a lost guard: a registry whose guard's pins were removed is over.
 *
 * Promises  a call that writes, a waiter and a listener notice it within HANDLE_LOOK_MS,
 *           and after the first of them it holds for all processes: calls are refused,
 *           and lookups find no owner. A guard that still runs is never taken for gone,
 *           whatever this process can see. A guard that is stopped by force ends all
 *           lives before it removes its pins, so those calls fail with -EOWNERDEAD and
 *           never with -ESHUTDOWN.
 * Needs     nothing. While no process writes, waits or listens, only kreg_stat() checks.
 *           A check costs two stat(2) each HANDLE_LOOK_MS.
 * Context   any thread.
 * Used by   handle.c, listen.c.
 */
#ifndef KREG_LIB_UNGUARDED_H
#define KREG_LIB_UNGUARDED_H

#include "lib/handle/handle.h"

#pragma GCC visibility push(hidden)

/*
 * Checks for the guard if that is due at @now of clock_tick(). True: it is gone, and the
 * registry was ended.
 */
bool unguarded_look(struct kreg *k, uint64_t now);

/*
 * Why a call through a handle without a life is refused. -ESHUTDOWN: the guard is gone.
 * -EOWNERDEAD: this life was ended, which is noted for processes that open the registry
 * next (ended.c).
 */
int unguarded_why(const struct kreg *k);

#pragma GCC visibility pop

#endif
