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

/* -EINVAL, of which nothing is said. */
int service_key(struct service_key *out, const char *space, const char *role);

/*
 * The same for a call on a service of @k, which has to have unique keys; what is wrong is
 * said. -EINVAL.
 */
#define service_of(out, k, space, role) service_of_in(out, k, space, role, __func__)
int service_of_in(struct service_key *out, const struct kreg *k, const char *space,
		  const char *role, const char *function);

/*
 * The common prefix of the keys of all services in @space. -EINVAL, of which nothing is said.
 */
int service_prefix(struct service_key *out, const char *space);

/* As kreg_service_parse(), but nothing is said: for keys of any kind. */
int service_parse(const void *key, size_t key_size, char *space, size_t space_size, char *role,
		  size_t role_size);

#pragma GCC visibility pop

#endif
