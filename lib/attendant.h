/* SPDX-License-Identifier: MIT */
/*
 * The attendant: a thread that rings a bell when a process dies.
 *
 * Promises  a bell that is watched is rung after the owner's death, however many wait; who waits needs
 *           no thread and no polling of its own.
 * Needs     attendant_forget() for each fd before its caller returns.
 * Context   any thread; started at the first watch, one for each handle, ended by kreg_close().
 * Used by   wait.c.
 */
#ifndef KREG_LIB_ATTENDANT_H
#define KREG_LIB_ATTENDANT_H

#include "lib/handle.h"

#pragma GCC visibility push(hidden)

/* A pidfd that is watched. -ESRCH: @owner is dead already; what epoll, pidfd and threads may fail with. */
int attendant_watch(struct kreg *k, owner_t owner, uint32_t *bell);
void attendant_forget(struct kreg *k, int fd);

/* Nobody waits any more. In a child of fork(), where there is no thread, only the fds are closed. */
void attendant_stop(struct kreg *k);

#pragma GCC visibility pop

#endif
