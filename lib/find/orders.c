/* SPDX-License-Identifier: MIT */
/*
 * Sets of orders, as arrays.
 */
#include "lib/find/orders.h"

#include <errno.h>
#include <stdlib.h>

static int by_number(const void *a, const void *b)
{
	const order_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

int orders_add(struct orders *orders, order_t order)
{
	size_t size = orders->size ? orders->size * 2 : 64;
	order_t *grown;

	if (orders->count == orders->size) {
		grown = realloc(orders->at, size * sizeof(*grown));
		if (!grown)
			return -ENOMEM;
		orders->at = grown;
		orders->size = size;
	}
	orders->at[orders->count++] = order;
	return 0;
}

void orders_sort(struct orders *orders)
{
	size_t i, count = 0;

	if (orders->count)
		qsort(orders->at, orders->count, sizeof(*orders->at), by_number);
	for (i = 0; i < orders->count; i++) {
		if (!i || orders->at[i] != orders->at[i - 1])
			orders->at[count++] = orders->at[i];
	}
	orders->count = count;
}

void orders_free(struct orders *orders)
{
	free(orders->at);
}
