/* SPDX-License-Identifier: MIT */
/*
 * To which processes something can be given, and a gift in the place of another entry.
 *
 * Context   outside of changes; any thread.
 * Used by   give.c, behalf.c.
 */
#ifndef KREG_LIB_GIVE_H
#define KREG_LIB_GIVE_H

#include "lib/names/change.h"

/* Finds the entry of @to's, or of the caller's, that is to be replaced. -ENOENT: it is gone. */
typedef int (*give_find_fn)(struct change *change, owner_t to, struct found *out);

#pragma GCC visibility push(hidden)

/* The argument @to of a call. -EINVAL, which is said. */
int give_check_to(const struct kreg *k, const struct kreg_owner *to);

/* Whether @owner is alive and has the registry open for writing. */
bool give_is_here(struct kreg *k, owner_t owner);

/*
 * Puts @gift, which is for @to, in the place of the entry that @find finds, if that is still the
 * one at @place; otherwise drops it. -EAGAIN: it is another one by now, or gone.
 */
int give_replace(struct kreg *k, const struct query *q, place_t place, const struct gift_made *gift,
		 owner_t to, give_find_fn find);

#pragma GCC visibility pop

#endif
