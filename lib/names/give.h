/* SPDX-License-Identifier: MIT */
/*
 * Gifts that the handle's owner has received.
 *
 * Context   outside of changes.
 * Used by   close.c.
 */
#ifndef KREG_LIB_GIVE_H
#define KREG_LIB_GIVE_H

#include "lib/handle/handle.h"

#pragma GCC visibility push(hidden)

/*
 * Unregisters them. They lie in slabs outside of the handle's heap, so close has to find
 * them separately.
 */
void give_up_gifts(struct kreg *k);

#pragma GCC visibility pop

#endif
