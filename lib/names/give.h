/* SPDX-License-Identifier: MIT */
/*
 * To which processes something can be given.
 *
 * Context   outside of changes; any thread.
 * Used by   behalf.c.
 */
#ifndef KREG_LIB_GIVE_H
#define KREG_LIB_GIVE_H

#include "lib/handle/handle.h"

#pragma GCC visibility push(hidden)

/* Whether @owner is alive and has the registry open for writing. */
bool give_is_here(struct kreg *k, owner_t owner);

#pragma GCC visibility pop

#endif
