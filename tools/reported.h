/* SPDX-License-Identifier: MIT */
/*
 * What supervisors report of their services, so that each service is counted once.
 *
 * Names and reports cannot be read at the same moment: a service that ends or is restarted in
 * between has a name in one and none in the other. So what is reported is read first, then the
 * caller marks the services whose names it sees, and those that are left have none.
 *
 * Used by   metrics/spaces.c, top/spaces.c.
 */
#ifndef TOOLS_REPORTED_H
#define TOOLS_REPORTED_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/kreg-services.h"

struct reported_service {
	char space[KREG_NAMESPACE_MAX + 1], role[KREG_ROLE_MAX + 1];
	enum kreg_supervised_state state;
	struct kreg_owner owner; /* the program, if it runs */
	bool has_name;
};

/* All 0 at first. */
struct reported {
	struct reported_service *list; /* sorted by space and role */
	size_t count, room;
};

/* Of all namespaces. Return: 0, -ENOMEM, an error of kreg_service_state_each(). */
int reported_read(struct reported *reported, struct kreg *k);
void reported_free(struct reported *reported);

/* The service has a name. Nothing happens if nothing is reported of it. */
void reported_mark(struct reported *reported, const char *space, const char *role);

#endif
