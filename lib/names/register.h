/* SPDX-License-Identifier: MIT */
/*
 * What registrations for oneself and for others have in common.
 *
 * Context   outside of changes; any thread.
 * Used by   register.c, behalf.c, remote.c.
 */
#ifndef KREG_LIB_REGISTER_H
#define KREG_LIB_REGISTER_H

#include "lib/names/blocks.h"

#pragma GCC visibility push(hidden)

/*
 * -EEXIST, with the holder: the name is taken. 0: it seems to be free, or its holder yields; the CAS
 * that links decides. This check spares the block.
 */
int register_taken(struct kreg *k, const struct query *q, struct kreg_found *holder);

/*
 * Registers @content by @flags, KREG_REGISTER_*, with checked arguments; @q as of table_query_of().
 * As kreg_register_with().
 */
int register_content(struct kreg *k, struct query *q, const struct content *content, uint32_t flags,
		     struct kreg_found *holder);

#pragma GCC visibility pop

/* The argument @holder of a call. -EINVAL, which is said. */
static inline int register_check_holder(const struct kreg *k, const struct kreg_found *holder)
{
	if (holder && !holder->value && holder->capacity)
		return refuse(
			k, "holder->value is NULL, but its capacity is not 0: initialize holder, "
			   "as by = { 0 }");
	return 0;
}

#endif
