/* SPDX-License-Identifier: MIT */
/*
 * The one place that makes a key of a namespace and a role, and takes it apart.
 *
 * Promises  different services have different keys, and all of a namespace share a prefix that no other has.
 * Context   any.
 * Used by   service.c, health.c, and what starts and supervises services.
 */
#ifndef KREG_LIB_SERVICE_KEY_H
#define KREG_LIB_SERVICE_KEY_H

#include <stddef.h>

#include "lib/kreg.h"

#pragma GCC visibility push(hidden)

struct service_key {
	char bytes[KREG_KEY_MAX];
	size_t size;
};

/* -EINVAL. */
int service_key(struct service_key *out, const char *space, const char *role);

/* What the keys of all services in @space begin with. -EINVAL. */
int service_prefix(struct service_key *out, const char *space);

#pragma GCC visibility pop

#endif
