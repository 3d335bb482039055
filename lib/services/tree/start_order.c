/* SPDX-License-Identifier: MIT */
/*
 * Topological order of services. Each step takes the first service of the array whose
 * predecessors are all taken. If there is none, each service that remains waits for one
 * that remains; following these from one to the next as often as there are services ends
 * in a circle.
 */
#include "lib/services/tree/start_order.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static bool find_role(const struct kreg_supervised *services, size_t count, const char *role,
		      size_t *out)
{
	size_t i;

	for (i = 0; i < count; i++) {
		if (!strcmp(services[i].role, role)) {
			*out = i;
			return true;
		}
	}
	return false;
}

static bool all_are_there(const struct kreg_supervised *services, size_t count,
			  struct start_order_fault *fault)
{
	const char *const *role;
	size_t i, other;

	for (i = 0; i < count; i++) {
		for (role = services[i].after; role && *role; role++) {
			if (find_role(services, count, *role, &other))
				continue;
			*fault = (struct start_order_fault){ .service = i, .missing = *role };
			return false;
		}
	}
	return true;
}

/* Whether @service waits for one that is not taken: *other. */
static bool still_waits(const struct kreg_supervised *services, size_t count, size_t service,
			const bool *is_taken, size_t *other)
{
	const char *const *role;

	for (role = services[service].after; role && *role; role++) {
		if (find_role(services, count, *role, other) && !is_taken[*other])
			return true;
	}
	return false;
}

static void find_circle(const struct kreg_supervised *services, size_t count, const bool *is_taken,
			struct start_order_fault *fault)
{
	size_t steps, at = 0, next = 0;

	while (is_taken[at])
		at++;
	for (steps = 0; steps < count; steps++) {
		still_waits(services, count, at, is_taken, &next);
		at = next;
	}
	still_waits(services, count, at, is_taken, &next);
	*fault = (struct start_order_fault){ .service = at, .next = next };
}

int start_order(const struct kreg_supervised *services, size_t count, size_t *order,
		struct start_order_fault *fault)
{
	size_t taken = 0, i, other;
	bool *is_taken;
	int err = 0;

	if (!all_are_there(services, count, fault))
		return -EINVAL;
	is_taken = calloc(count + 1, sizeof(*is_taken));
	if (!is_taken)
		return -ENOMEM;
	while (taken < count && !err) {
		for (i = 0; i < count; i++) {
			if (!is_taken[i] && !still_waits(services, count, i, is_taken, &other))
				break;
		}
		if (i < count) {
			is_taken[i] = true;
			order[taken++] = i;
		} else {
			find_circle(services, count, is_taken, fault);
			err = -EINVAL;
		}
	}
	free(is_taken);
	return err;
}
