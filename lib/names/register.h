/* SPDX-License-Identifier: MIT */
/*
 * What registrations for oneself and for others have in common.
 *
 * Context   outside of changes; any thread.
 * Used by   behalf.c.
 */
#ifndef KREG_LIB_REGISTER_H
#define KREG_LIB_REGISTER_H

#include "lib/handle/handle.h"

#pragma GCC visibility push(hidden)

/*
 * -EEXIST, with the holder: the name is taken. 0: it seems to be free; the CAS that links
 * decides. This check spares the block.
 */
int register_taken(struct kreg *k, const struct query *q, struct kreg_found *holder);

#pragma GCC visibility pop

#endif
