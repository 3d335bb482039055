/* SPDX-License-Identifier: MIT */
/*
 * Unregistering all that a handle, or its process, has.
 *
 * Promises  what was there at the beginning is unregistered, one entry after the other, each
 *           in one step; what another thread registers or replaces meanwhile may stay.
 * Needs     no change of the calling thread.
 * Context   any thread.
 * Used by   close.c.
 */
#ifndef KREG_LIB_UNREGISTER_ALL_H
#define KREG_LIB_UNREGISTER_ALL_H

#include "lib/handle/handle.h"

#pragma GCC visibility push(hidden)

/*
 * What was registered through @k, of @kinds (KIND_OF()). How many entries that were; an error
 * as change_enter(), or -EUCLEAN, after all others were unregistered.
 */
int64_t unregister_of_handle(struct kreg *k, uint32_t kinds);

#pragma GCC visibility pop

#endif
