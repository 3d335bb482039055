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

int kreg_inner_refuse_service(const struct kreg *k, const char *call, const char *space,
			      const char *role, bool has_role)
{
	const char *sentence[] = { "space", " is NULL", NULL };

	if (has_role && !role)
		sentence[0] = "role";
	else if (space && !namespace_size(space))
		sentence[1] = " is no namespace: 1 to 100 of A-Z a-z 0-9 . _ -";
	else if (space) {
		sentence[0] = "role";
		sentence[1] = " is no role: 1 to 150 printable ASCII characters, and no space";
	}
	return kreg_inner_refuse(k, call, sentence);
}

static __attribute__((cold, noinline)) int refuse_service(const struct kreg *k, const char *call,
							  const char *space, const char *role)
{
	/* A service is one process, which duplicate keys do not promise. */
	if (k && !k->segment.unique)
		return kreg_inner_refuse(
			k, call,
			(const char *const[]){
				"the registry has duplicate keys, but a service is one "
				"process: open one with unique keys",
				NULL });
	if (!k)
		return kreg_inner_refuse(k, call, (const char *const[]){ K_IS_NULL, NULL });
	return kreg_inner_refuse_service(k, call, space, role, true);
}

int service_of_in(struct service_key *out, const struct kreg *k, const char *space,
		  const char *role, const char *function)
{
	if (caa_unlikely(!k || !k->segment.unique || service_key(out, space, role)))
		return refuse_service(k, call_of(function), space, role);
	return 0;
}

ssize_t kreg_inner_service_key(const char *space, const char *role, char *key, size_t capacity)
{
	struct service_key made;
	int err = service_key(&made, space, role);

	if (err)
		return err;
	if (key && made.size > capacity)
		return -ERANGE;
	if (key)
		memcpy(key, made.bytes, made.size);
	return (ssize_t)made.size;
}

ssize_t kreg_service_key(const char *space, const char *role, char *key, size_t capacity)
{
	ssize_t size;

	if (!key && capacity)
		return refuse(NULL,
			      "key is NULL, but capacity is not 0: pass a buffer, or 0 to ask for "
			      "the size");
	size = kreg_inner_service_key(space, role, key, capacity);
	return size == -EINVAL
		       ? kreg_inner_refuse_service(NULL, call_of(__func__), space, role, true)
		       : size;
}

int service_parse(const void *key, size_t key_size, char *space, size_t space_size, char *role,
		  size_t role_size)
{
	const char *bytes = key, *slash;
	size_t before, after;

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

/* That a key is no service's is the answer, and not worth a message. */
int kreg_service_parse(const void *key, size_t key_size, char *space, size_t space_size, char *role,
		       size_t role_size)
{
	if (!key)
		return refuse(NULL, "key is NULL");
	if (!space || !role)
		return refuse(NULL, space ? "role is NULL" : "space is NULL");
	if (key_size == KREG_STRING)
		key_size = strlen(key);
	return service_parse(key, key_size, space, space_size, role, role_size);
}
