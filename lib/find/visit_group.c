/* SPDX-License-Identifier: MIT */
/*
 * Visits of the names of a group, or of all groups: from the group's lines to the orders of
 * its names, and then along the list, which shows each entry once. What has ended, or
 * is of another group, is only an order in which the list has nothing that matches.
 */
#include <errno.h>

#include "lib/find/orders.h"
#include "lib/find/visit.h"
#include "shm/group.h"

static int note(order_t order, void *data)
{
	return orders_add(data, order);
}

/*
 * Whether @orders are so many of the registry's names that one walk along the list is shorter
 * than a search for each of them: a search passes what is in front of it in its bucket.
 */
static bool are_most(const struct visit *v, const struct orders *orders)
{
	return orders->count > 2 * segment_buckets(&v->k->segment);
}

int visit_group(const struct visit *v)
{
	const struct kreg_pattern *pattern = v->pattern;
	struct orders orders = { 0 };
	int err;

	/* If the groups cannot tell, the list can, or says why not. */
	err = group_each(&v->k->segment, pattern->prefix, (uint32_t)pattern->prefix_size, note,
			 &orders);
	if (!err && !are_most(v, &orders)) {
		orders_sort(&orders);
		err = visit_set(v, &orders);
	} else {
		err = visit_all(v);
	}
	orders_free(&orders);
	return err;
}

/* Takes the way that passes the fewest entries. */
int visit_matching(const struct visit *v)
{
	const struct kreg_pattern *pattern = v->pattern;

	if (pattern->key)
		return visit_key(v, pattern->key, pattern->key_size);
	if (pattern->owner)
		return visit_owner(v, pattern->owner->token);
	if (pattern->prefix_size <= KREG_KEY_MAX &&
	    group_size(pattern->prefix, (uint32_t)pattern->prefix_size))
		return visit_group(v);
	return visit_all(v);
}
