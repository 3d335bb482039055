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

/* A gift that was made for an entry as it was found. */
struct giving {
	owner_t to;
	struct gift_made gift;
	struct found old;
};

/*
 * Finds the entry of the receiver's, or of the caller's, that is to be replaced. -ENOENT: it is
 * gone; -EAGAIN: the gift does not fit it any longer.
 */
typedef int (*give_find_fn)(struct change *change, const struct giving *giving, struct found *out);

#pragma GCC visibility push(hidden)

/* The argument @to of a call. -EINVAL, which is said. */
int give_check_to(const struct kreg *k, const struct kreg_owner *to);

/* Whether @owner is alive and has the registry open for writing. */
bool give_is_here(struct kreg *k, owner_t owner);

/*
 * Puts the gift in the place of the entry that @find finds, or drops it. -EAGAIN: the entry is
 * another one by now, or gone.
 */
int give_replace(struct kreg *k, const struct query *q, const struct giving *giving,
		 give_find_fn find);

#pragma GCC visibility pop

#endif
