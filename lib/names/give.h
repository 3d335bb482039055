/* SPDX-License-Identifier: MIT */
/*
 * Gifts that the handle's owner has got.
 *
 * Context   outside of changes.
 * Used by   close.c.
 */
#ifndef KREG_LIB_GIVE_H
#define KREG_LIB_GIVE_H

#include "lib/handle/handle.h"

#pragma GCC visibility push(hidden)

/* Unregisters them: they lie in slabs that are not of the handle's heap. */
void give_up_gifts(struct kreg *k);

#pragma GCC visibility pop

#endif
