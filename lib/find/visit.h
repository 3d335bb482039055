/* SPDX-License-Identifier: MIT */
/*
 * Visits: from a pattern to each entry that is meant.
 *
 * Promises  an entry that stays during the whole visit is shown once, one that comes or goes at most
 *           once, one of the dead never, nor, under the guard, one of somebody who has not opened the
 *           registry; nothing is held while the visitor runs.
 * Needs     nothing; a read-only handle will do.
 * Context   any thread, not in signal handlers.
 * Used by   lib/.
 */
#ifndef KREG_LIB_VISIT_H
#define KREG_LIB_VISIT_H

#include "lib/handle/handle.h"

#pragma GCC visibility push(hidden)

struct visit {
	struct kreg *k;
	const struct kreg_pattern *pattern;
	kreg_visit_fn visit;
	void *data;
	bool reserved_too;
	bool twice; /* until two looks in a row agree; one key's entries alone */
};

/* 0, or what the visitor returned; -ENOMEM, -EAGAIN, -EUCLEAN. */
int visit_key(const struct visit *v, const void *key, size_t key_size);
int visit_owner(const struct visit *v, owner_t owner);
int visit_all(const struct visit *v);
int visit_orders(const struct visit *v, order_t from, order_t end);

#pragma GCC visibility pop

#endif
