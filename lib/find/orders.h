/* SPDX-License-Identifier: MIT */
/*
 * A set of orders: where in the list a visit has to look.
 *
 * Needs     orders_sort() before the set is used.
 * Context   any thread; the caller's own memory.
 * Used by   visit.c, visit_owner.c, visit_group.c.
 */
#ifndef KREG_LIB_ORDERS_H
#define KREG_LIB_ORDERS_H

#include <stddef.h>

#include "shm/place.h"

#pragma GCC visibility push(hidden)

/* All 0 at first. */
struct orders {
	order_t *at;
	size_t count, size;
};

/* -ENOMEM. */
int orders_add(struct orders *orders, order_t order);

/* Each of them once from then on. */
void orders_sort(struct orders *orders);

void orders_free(struct orders *orders);

#pragma GCC visibility pop

#endif
