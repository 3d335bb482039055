/* SPDX-License-Identifier: MIT */
/*
 * Calls that read, by key and of the whole registry.
 */
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/support/any_parts.h"

#define MANY 5u

void any_lookup(struct any *any)
{
	struct any_key key = any_key(any);
	char found[100];
	ssize_t got;

	got = CALL(any, kreg_lookup, any->k, key.bytes, key.size, found, sizeof(found),
		   &any->owner);
	any_must(got <= (ssize_t)sizeof(found));
	CALL(any, kreg_lookup_string, any->k, key.bytes, key.size, found, sizeof(found), NULL);
	CALL(any, kreg_whereis, any->k, key.bytes, key.size, &any->owner);
}

void any_lookup_many(struct any *any)
{
	struct any_key keys[MANY];
	struct kreg_key many[MANY];
	struct kreg_found found[MANY] = { 0 };
	uint32_t i;

	for (i = 0; i < MANY; i++) {
		keys[i] = any_key(any);
		many[i] = (struct kreg_key){ keys[i].bytes, keys[i].size };
	}
	if (CALL(any, kreg_lookup_many, any->k, many, MANY, found) < 0)
		return;
	for (i = 0; i < MANY; i++)
		any_said(any, "kreg_lookup", found[i].size);
}

void any_pool(struct any *any)
{
	struct any_key key = any_key(any);
	unsigned char value[1000];
	size_t capacity = any_below(any, 2) ? sizeof(value) : 0;
	ssize_t got;

	if (!any->pool.key || !any_below(any, 8)) {
		memcpy(any->pool_key, key.bytes, key.size);
		if (any_below(any, 2))
			any->pool = (struct kreg_pool)KREG_POOL(any->pool_key, key.size);
		else
			any->pool = (struct kreg_pool)KREG_POOL_PREFIX(any->pool_key, 1);
	}
	switch (any_below(any, 3)) {
	case 0:
		got = CALL(any, kreg_pool_next, any->k, &any->pool, value, capacity, &any->owner);
		break;
	case 1:
		got = CALL(any, kreg_pool_least, any->k, &any->pool, value, capacity, &any->owner);
		break;
	default:
		got = CALL(any, kreg_pool_for, any->k, &any->pool, key.bytes, key.size, value,
			   capacity, &any->owner);
	}
	any_must(got <= KREG_VALUE_MAX);
	if (got >= 0)
		any_must(any->pool.found_size <= KREG_KEY_MAX &&
			 !any->pool.found[any->pool.found_size]);
}

void any_ref(struct any *any)
{
	struct any_key key = any_key(any);
	unsigned char value[100];

	if (!any->ref.key || !any_below(any, 8)) {
		memcpy(any->ref_key, key.bytes, key.size);
		any->ref = (struct kreg_ref)KREG_REF(any->ref_key, key.size);
	}
	any_must(CALL(any, kreg_ref_lookup, any->k, &any->ref, value, sizeof(value), NULL) <=
		 (ssize_t)sizeof(value));
}

void any_of_key(struct any *any)
{
	struct any_key key = any_key(any);
	int64_t sum;

	CALL(any, kreg_each_of_key, any->k, key.bytes, key.size, any_look, any);
	CALL(any, kreg_dispatch, any->k, key.bytes, key.size, any_look, any);
	CALL(any, kreg_counter_sum, any->k, key.bytes, key.size, &sum);
}

void any_select(struct any *any)
{
	KREG_PATTERN(pattern, .prefix = "k", .prefix_size = 1, .match = any_match_some,
		     .data = any);

	switch (any_below(any, 4)) {
	case 0:
		CALL(any, kreg_select, any->k, &pattern, any_look, any);
		break;
	case 1:
		CALL(any, kreg_count_select, any->k, &pattern);
		break;
	case 2:
		CALL(any, kreg_each_of_owner, any->k, &any->owner, any_look, any);
		break;
	default:
		CALL(any, kreg_each, any->k, NULL, 0, any_look, any);
	}
}

static int look_at_owner(const struct kreg_owner_facts *facts, void *data)
{
	struct any *any = data;

	any->owner = facts->owner;
	return 0;
}

void any_owner(struct any *any)
{
	struct kreg_owner_facts facts;
	struct kreg_owner self;
	struct kreg_end end;

	CALL(any, kreg_owner_is_alive, any->k, &any->owner);
	CALL(any, kreg_owner_end, any->k, &any->owner, &end);
	CALL(any, kreg_owner_facts, any->k, &any->owner, &facts);
	CALL(any, kreg_self, any->k, &self);
	if (!any_below(any, 16))
		CALL(any, kreg_each_owner, any->k, look_at_owner, any);
}

void any_meta_read(struct any *any)
{
	struct any_key key = any_key(any);
	unsigned char value[100];

	any_must(CALL(any, kreg_meta_get, any->k, key.bytes, key.size, value, sizeof(value)) <=
		 (ssize_t)sizeof(value));
	any_must(CALL(any, kreg_meta_get_string, any->k, key.bytes, key.size, (char *)value,
		      sizeof(value)) < (ssize_t)sizeof(value));
	CALL(any, kreg_meta_each, any->k, any_look, any);
}

/* Signal 0 reaches nobody. What is no address of a socket is refused. */
void any_process(struct any *any)
{
	struct any_key key = any_key(any);
	int fd = -1;

	switch (any_below(any, 4)) {
	case 0:
		CALL(any, kreg_signal, any->k, key.bytes, key.size, 0);
		break;
	case 1:
		fd = CALL(any, kreg_monitor, any->k, key.bytes, key.size, &any->owner);
		break;
	case 2:
		fd = CALL(any, kreg_connect, any->k, key.bytes, key.size, SOCK_STREAM, &any->owner);
		break;
	default:
		fd = CALL(any, kreg_owner_pidfd, any->k, &any->owner);
	}
	if (fd >= 0)
		close(fd);
}

void any_remote_host(struct any *any)
{
	struct any_key key = any_key(any);
	KREG_REMOTE(remote, .pid = 0);

	if (CALL(any, kreg_remote_host, any->k, key.bytes, key.size, &remote) > 0)
		any_must(strnlen(remote.host, sizeof(remote.host)) <= KREG_HOST_MAX);
	CALL(any, kreg_cluster_held, any->k, key.bytes, key.size, &remote.token);
	CALL(any, kreg_cluster_token, any->k, key.bytes, key.size, &remote.token);
}

static int look_at_registry(const struct kreg_registry *registry, void *data)
{
	(void)data;
	any_must(strlen(registry->name) > 0);
	return 0;
}

void any_figures(struct any *any)
{
	KREG_OPTIONS(where, .directory = any->directory, .guard = "none");
	struct kreg_stat stat = { .size = sizeof(stat) };

	CALL(any, kreg_count, any->k);
	switch (any_below(any, 64)) {
	case 0:
		CALL(any, kreg_check, any->k, NULL, NULL);
		break;
	case 1:
		CALL(any, kreg_registries_each, &where, 0, look_at_registry, NULL);
		break;
	default:
		CALL(any, kreg_stat, any->k, &stat);
	}
}

/* Also where no section can be entered: the others say so. */
void any_section(struct any *any)
{
	struct any_key key = any_key(any);
	const void *value;
	ssize_t got;

	CALL(any, kreg_read_enter, any->k);
	got = CALL(any, kreg_read, any->k, key.bytes, key.size, &value, &any->owner);
	any_must(got <= KREG_VALUE_MAX);
	if (got > 0)
		any_look_at(value, (size_t)got);
	CALL(any, kreg_read_leave, any->k);
}
