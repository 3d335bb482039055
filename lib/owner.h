/* SPDX-License-Identifier: MIT */
/*
 * What is known of an owner.
 *
 * Promises  what is told is of that owner, or false is returned.
 * Needs     nothing; a read-only handle will do.
 * Context   any thread.
 * Used by   owner.c, peer.c, health.c.
 */
#ifndef KREG_LIB_OWNER_H
#define KREG_LIB_OWNER_H

#include "lib/handle.h"

#pragma GCC visibility push(hidden)

/* Whether its pid means the same to us. */
bool owner_pid_is_ours(const struct kreg *k, owner_t owner);

/* False: it is dead. */
bool owner_facts(struct kreg *k, owner_t owner, struct kreg_owner_facts *out);

#pragma GCC visibility pop

#endif
