/* SPDX-License-Identifier: MIT */
/*
 * A key is NAMESPACE/ROLE. A namespace has no slash, so the first slash ends it.
 */
#include "lib/namespace/service_key.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "lib/handle/handle.h"
#include "shm/group.h"

#define SEPARATOR '/'

_Static_assert(SEPARATOR == GROUP_SEPARATOR && KREG_NAMESPACE_MAX <= GROUP_MAX,
	       "the services of a namespace are a group");
_Static_assert(KREG_NAMESPACE_MAX + 1 + KREG_ROLE_MAX <= KREG_KEY_MAX, "they have to fit");

static bool is_of_namespace(char c)
{
	return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
	       c == '.' || c == '_' || c == '-';
}

static bool is_of_role(char c)
{
	return c > ' ' && c <= '~';
}

/* The length of the first @size bytes if they are a valid name; else 0. */
static size_t name_size(const char *name, size_t size, size_t max, bool (*is_allowed)(char))
{
	size_t i;

	if (size > max)
		return 0;
	for (i = 0; i < size; i++) {
		if (!is_allowed(name[i]))
			return 0;
	}
	return size;
}

static size_t namespace_size(const char *space)
{
	return space ? name_size(space, strnlen(space, KREG_NAMESPACE_MAX + 1), KREG_NAMESPACE_MAX,
				 is_of_namespace)
		     : 0;
}

int service_prefix(struct service_key *out, const char *space)
{
	size_t size = namespace_size(space);

	if (!size)
		return -EINVAL;
	memcpy(out->bytes, space, size);
	out->bytes[size] = SEPARATOR;
	out->size = size + 1;
	return 0;
}

int service_key(struct service_key *out, const char *space, const char *role)
{
	size_t size =
		role ? name_size(role, strnlen(role, KREG_ROLE_MAX + 1), KREG_ROLE_MAX, is_of_role)
		     : 0;
	int err = size ? service_prefix(out, space) : -EINVAL;

	if (err)
		return err;
	memcpy(out->bytes + out->size, role, size);
	out->size += size;
	return 0;
}

int service_of(struct service_key *out, const struct kreg *k, const char *space, const char *role)
{
	/* A service is one process, which duplicate keys do not promise. */
	return k && k->segment.unique ? service_key(out, space, role) : -EINVAL;
}

ssize_t kreg_service_key(const char *space, const char *role, char *key, size_t capacity)
{
	struct service_key made;
	int err = key || !capacity ? service_key(&made, space, role) : -EINVAL;

	if (err)
		return err;
	if (key && made.size > capacity)
		return -ERANGE;
	if (key)
		memcpy(key, made.bytes, made.size);
	return (ssize_t)made.size;
}

int kreg_service_parse(const void *key, size_t key_size, char *space, size_t space_size, char *role,
		       size_t role_size)
{
	const char *bytes = key, *slash;
	size_t before, after;

	if (!key || !space || !role)
		return -EINVAL;
	if (key_size == KREG_STRING)
		key_size = strlen(key);
	slash = memchr(bytes, SEPARATOR, key_size);
	if (!slash)
		return -EINVAL;
	before = (size_t)(slash - bytes);
	after = key_size - before - 1;
	if (!name_size(bytes, before, KREG_NAMESPACE_MAX, is_of_namespace) ||
	    !name_size(slash + 1, after, KREG_ROLE_MAX, is_of_role))
		return -EINVAL;
	if (before >= space_size || after >= role_size)
		return -ERANGE;
	memcpy(space, bytes, before);
	space[before] = 0;
	memcpy(role, slash + 1, after);
	role[after] = 0;
	return 0;
}
