/* SPDX-License-Identifier: MIT */
/*
 * Visits: from a pattern to each entry that matches.
 *
 * Promises  an entry that stays during the whole visit is shown once; one that comes or
 *           goes, at most once; a dead owner's, never; under the guard, also none of an
 *           owner that has not opened the registry. No lock and no section is held while
 *           the visitor runs.
 * Needs     nothing; a read-only handle suffices.
 * Context   any thread, not in signal handlers.
 * Used by   lib/.
 */
#ifndef KREG_LIB_VISIT_H
#define KREG_LIB_VISIT_H

#include "lib/find/orders.h"
#include "lib/handle/handle.h"

#pragma GCC visibility push(hidden)

struct visit {
	struct kreg *k;
	const struct kreg_pattern *pattern;
	kreg_visit_fn visit;
	void *data;
	uint32_t kinds; /* KIND_OF() what is shown; 0: names that can be found */
	bool twice;     /* repeat until two rounds agree; for entries of one key only */
};

static inline uint32_t visit_kinds(const struct visit *v)
{
	return v->kinds ? v->kinds : KIND_OF(ENTRY_NAME);
}

/* 0, or the visitor's result; -ENOMEM, -EAGAIN, -EUCLEAN. */
int visit_key(const struct visit *v, const void *key, size_t key_size);
int visit_owner(const struct visit *v, owner_t owner);
int visit_all(const struct visit *v);
int visit_orders(const struct visit *v, order_t from, order_t end);
int visit_set(const struct visit *v, const struct orders *orders);
/* With a prefix that has a group in it; or with none: all names of any group. */
int visit_group(const struct visit *v);
/* The one of these that passes the fewest entries. */
int visit_matching(const struct visit *v);

#pragma GCC visibility pop

#endif
