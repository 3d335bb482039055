/* SPDX-License-Identifier: MIT */
/*
 * The order in which services are started that wait for one another.
 *
 * Promises  each service comes after those it waits for; otherwise the order is that of
 *           the array.
 * Needs     roles that are strings.
 * Context   any; allocates.
 * Used by   supervision.c, service_file.c.
 */
#ifndef KREG_LIB_START_ORDER_H
#define KREG_LIB_START_ORDER_H

#include "lib/kreg-services.h"

#pragma GCC visibility push(hidden)

/* Why there is no order. */
struct start_order_fault {
	size_t service;      /* the service at fault */
	const char *missing; /* the role that it waits for and that does not exist; or NULL */
	size_t next;         /* in a circle: the service that it waits for, which waits for it */
};

/* @order: room for @count indices into @services. -EINVAL: *fault says why; -ENOMEM. */
int start_order(const struct kreg_supervised *services, size_t count, size_t *order,
		struct start_order_fault *fault);

#pragma GCC visibility pop

#endif
