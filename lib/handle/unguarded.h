/* SPDX-License-Identifier: MIT */
/*
 * A registry whose guard is gone, because somebody has removed its pins, is over.
 *
 * Promises  a call that writes, a waiter and a listener find that out within HANDLE_LOOK_MS, and what one of them has
 *           found is so for all: calls are refused, and no lookup finds anybody. A guard that goes on is never taken
 *           for gone, whatever this process can see. One that is stopped by force ends all lives before its pins go, so
 *           those are refused with -EOWNERDEAD, and never with -ESHUTDOWN.
 * Needs     nothing; where nobody writes, waits or listens, nobody looks but kreg_stat(). Costs two stat(2) each
 *           HANDLE_LOOK_MS.
 * Context   any thread.
 * Used by   handle.c, listen.c.
 */
#ifndef KREG_LIB_UNGUARDED_H
#define KREG_LIB_UNGUARDED_H

#include "lib/handle/handle.h"

#pragma GCC visibility push(hidden)

/* Looks whether the guard is there, if it is time for that at @now of clock_tick(); ends the registry if it is not. */
bool unguarded_look(struct kreg *k, uint64_t now);

/*
 * Why a call through a handle without a life is refused: -ESHUTDOWN, unguarded; -EOWNERDEAD, and that is noted for
 * those who open the registry next (ended.c).
 */
int unguarded_why(const struct kreg *k);

#pragma GCC visibility pop

#endif
