/* SPDX-License-Identifier: MIT */
/*
 * Composing a key of a namespace and a role, and parsing it. No other code does either.
 *
 * Promises  different services have different keys, and those of a namespace share a
 *           prefix that no other key has.
 * Context   any.
 * Used by   all of lib/namespace/.
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

/* The same for a call on a service of @k, which has to have unique keys. -EINVAL. */
int service_of(struct service_key *out, const struct kreg *k, const char *space, const char *role);

/* The common prefix of the keys of all services in @space. -EINVAL. */
int service_prefix(struct service_key *out, const char *space);

#pragma GCC visibility pop

#endif
