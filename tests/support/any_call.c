/* SPDX-License-Identifier: MIT */
#include "tests/support/any_call.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define KEYS 24u
#define MANY 5u

static const unsigned char zeros[KREG_VALUE_MAX];

struct key {
	char bytes[KREG_KEY_MAX];
	size_t size;
};

static uint32_t below(struct any *any, uint32_t end)
{
	return any->number(any->data) % end;
}

static void must(bool holds)
{
	if (!holds)
		abort();
}

static struct key any_key(struct any *any)
{
	uint32_t number = below(any, KEYS);
	struct key key = { .size = 2 };

	memset(key.bytes, 'k', sizeof(key.bytes));
	key.bytes[1] = (char)('a' + number);
	switch (number % 6) {
	case 0:
		memcpy(key.bytes, "space/", 6);
		key.bytes[6] = (char)('a' + number);
		key.size = 7;
		break;
	case 1:
		key.size = 62;
		break;
	case 2:
		key.bytes[2] = 0;
		key.size = 10;
		break;
	case 3:
		key.size = KREG_KEY_MAX;
		break;
	default:
		break;
	}
	return key;
}

static uint32_t any_value_size(struct any *any)
{
	/* The last fit into no gift, and into no heap of some tests. */
	static const uint32_t sizes[] = { 0,  1,   8,    8,    8,     8,
					  20, 300, 1000, 3000, 15000, KREG_VALUE_MAX };

	return sizes[below(any, sizeof(sizes) / sizeof(*sizes))];
}

static int64_t any_integer(struct any *any)
{
	static const int64_t integers[] = { INT64_MIN, INT64_MIN + 1, -1,       0, 1,
					    2,         INT64_MAX - 1, INT64_MAX };

	return integers[below(any, sizeof(integers) / sizeof(*integers))];
}

static void look_at(const void *bytes, size_t size)
{
	static volatile unsigned char sink;
	const unsigned char *at = bytes;
	unsigned char sum = 0;
	size_t i;

	for (i = 0; i < size; i++)
		sum ^= at[i];
	sink = sum;
	(void)sink;
}

static int look(const struct kreg_entry *entry, void *data)
{
	struct any *any = data;

	must(entry->key_size <= KREG_KEY_MAX && entry->value_size <= KREG_VALUE_MAX);
	look_at(entry->key, entry->key_size);
	look_at(entry->value, entry->value_size);
	any->owner = entry->owner;
	return 0;
}

static int match_some(const struct kreg_entry *entry, void *data)
{
	struct any *any = data;

	look(entry, any);
	return (int)below(any, 2);
}

/* ---- calls that change */

static void call_register(struct any *any)
{
	struct key key = any_key(any);
	unsigned char bytes[100];
	struct kreg_found holder = { .value = bytes, .capacity = sizeof(bytes) };

	kreg_register(any->k, key.bytes, key.size, zeros, any_value_size(any), &holder);
}

static void call_register_with(struct any *any)
{
	struct key key = any_key(any);

	kreg_register_with(any->k, key.bytes, key.size, zeros, any_value_size(any), below(any, 32),
			   NULL);
}

static void call_register_many(struct any *any)
{
	struct key keys[MANY];
	struct kreg_item items[MANY];
	uint32_t i;

	for (i = 0; i < MANY; i++) {
		keys[i] = any_key(any);
		items[i] = (struct kreg_item){ keys[i].bytes, keys[i].size, zeros,
					       any_value_size(any) };
	}
	kreg_register_many(any->k, items, MANY, NULL);
}

static void call_publish(struct any *any)
{
	struct key key = any_key(any);

	kreg_publish(any->k, key.bytes, key.size, zeros, any_value_size(any));
}

static void call_flags(struct any *any)
{
	struct key key = any_key(any);
	uint32_t flags;

	kreg_set_flags(any->k, key.bytes, key.size, below(any, 32));
	kreg_get_flags(any->k, key.bytes, key.size, &flags);
}

static void call_unregister(struct any *any)
{
	struct key key = any_key(any);

	if (below(any, 2))
		kreg_unregister(any->k, key.bytes, key.size);
	else
		kreg_unregister_match(any->k, key.bytes, key.size, match_some, any);
}

/* Seldom, so that there is something. */
static void call_unregister_all(struct any *any)
{
	if (!below(any, 16))
		kreg_unregister_all(any->k, below(any, 2));
}

static ssize_t change_value(void *value, size_t capacity, const void *old, size_t old_size,
			    void *data)
{
	struct any *any = data;
	uint32_t size = any_value_size(any);

	must(size <= capacity);
	look_at(old, old_size);
	memset(value, 1, size);
	return below(any, 4) ? (ssize_t)size : -ECANCELED;
}

static void call_update(struct any *any)
{
	struct key key = any_key(any);
	unsigned char old[1000];

	switch (below(any, 3)) {
	case 0:
		kreg_update(any->k, key.bytes, key.size, zeros, any_value_size(any), old,
			    sizeof(old));
		break;
	case 1:
		kreg_update_if(any->k, key.bytes, key.size, zeros, any_value_size(any), zeros,
			       any_value_size(any));
		break;
	default:
		kreg_update_with(any->k, key.bytes, key.size, change_value, any);
	}
}

static void call_counter(struct any *any)
{
	struct key key = any_key(any), other = any_key(any);
	struct kreg_counter_item items[] = {
		{ .key = key.bytes, .key_size = key.size, .delta = any_integer(any) },
		{ .key = other.bytes, .key_size = other.size, .delta = any_integer(any) },
	};
	int64_t now;

	switch (below(any, 4)) {
	case 0:
		kreg_counter_add(any->k, key.bytes, key.size, any_integer(any), &now);
		break;
	case 1:
		kreg_counter_add_bounded(any->k, key.bytes, key.size, any_integer(any),
					 any_integer(any), any_integer(any), &now);
		break;
	case 2:
		kreg_counter_reset(any->k, key.bytes, key.size, any_integer(any), &now);
		break;
	default:
		kreg_counter_add_many(any->k, items, 2);
	}
}

static void call_give(struct any *any)
{
	struct key key = any_key(any);

	kreg_give(any->k, key.bytes, key.size, &any->owner);
}

static void call_for(struct any *any)
{
	struct key key = any_key(any);
	uint32_t size = any_value_size(any);

	switch (below(any, 4)) {
	case 0:
		kreg_allow(any->k, below(any, 2));
		break;
	case 1:
		kreg_register_for(any->k, &any->owner, key.bytes, key.size, zeros, size,
				  below(any, 32), NULL);
		break;
	case 2:
		kreg_update_for(any->k, &any->owner, key.bytes, key.size, zeros, size);
		break;
	default:
		kreg_unregister_for(any->k, &any->owner, key.bytes, key.size);
	}
}

static void call_lock(struct any *any)
{
	struct key key = any_key(any);

	if (kreg_unlock(any->k, &any->lock))
		kreg_lock(any->k, key.bytes, key.size, 0, &any->lock);
}

static void call_await(struct any *any)
{
	any_wait(any, 0);
}

static void end_pending(struct any *any)
{
	unsigned char value[100];
	struct kreg_found found = { .value = value, .capacity = sizeof(value) };

	if (!any->pending)
		return;
	kreg_pending_result(any->pending, &found);
	kreg_pending_result(any->pending, NULL);
	kreg_pending_lock(any->pending, &any->lock);
	kreg_pending_close(any->pending);
	any->pending = NULL;
}

static void call_pending(struct any *any)
{
	struct key key = any_key(any);

	end_pending(any);
	switch (below(any, 4)) {
	case 0:
		kreg_await_begin(&any->pending, any->k, key.bytes, key.size);
		break;
	case 1:
		kreg_await_gone_begin(&any->pending, any->k, key.bytes, key.size, &any->owner);
		break;
	case 2:
		kreg_await_turn_begin(&any->pending, any->k, key.bytes, key.size);
		break;
	default:
		kreg_lock_begin(&any->pending, any->k, key.bytes, key.size);
	}
}

static void call_meta(struct any *any)
{
	struct key key = any_key(any);

	if (below(any, 3))
		kreg_meta_put(any->k, key.bytes, key.size, zeros, any_value_size(any) % 4000);
	else
		kreg_meta_delete(any->k, key.bytes, key.size);
}

static void call_sweep(struct any *any)
{
	kreg_sweep(any->k);
}

static void call_section(struct any *any)
{
	struct key key = any_key(any);
	const void *value;
	ssize_t got;

	if (kreg_read_enter(any->k))
		return;
	got = kreg_read(any->k, key.bytes, key.size, &value, &any->owner);
	must(got <= KREG_VALUE_MAX);
	if (got > 0)
		look_at(value, (size_t)got);
	kreg_read_leave(any->k);
}

/* ---- calls that read */

static void call_lookup(struct any *any)
{
	struct key key = any_key(any);
	char found[100];
	ssize_t got;

	got = kreg_lookup(any->k, key.bytes, key.size, found, sizeof(found), &any->owner);
	must(got <= (ssize_t)sizeof(found));
	kreg_lookup_string(any->k, key.bytes, key.size, found, sizeof(found), NULL);
	kreg_whereis(any->k, key.bytes, key.size, &any->owner);
}

static void call_lookup_many(struct any *any)
{
	struct key keys[MANY];
	struct kreg_key many[MANY];
	struct kreg_found found[MANY] = { 0 };
	uint32_t i;

	for (i = 0; i < MANY; i++) {
		keys[i] = any_key(any);
		many[i] = (struct kreg_key){ keys[i].bytes, keys[i].size };
	}
	kreg_lookup_many(any->k, many, MANY, found);
}

static void call_pool(struct any *any)
{
	struct key key = any_key(any);
	unsigned char value[1000];
	size_t capacity = below(any, 2) ? sizeof(value) : 0;
	ssize_t got;

	if (!any->pool.key || !below(any, 8)) {
		memcpy(any->pool_key, key.bytes, key.size);
		if (below(any, 2))
			any->pool = (struct kreg_pool)KREG_POOL(any->pool_key, key.size);
		else
			any->pool = (struct kreg_pool)KREG_POOL_PREFIX(any->pool_key, 1);
	}
	switch (below(any, 3)) {
	case 0:
		got = kreg_pool_next(any->k, &any->pool, value, capacity, &any->owner);
		break;
	case 1:
		got = kreg_pool_least(any->k, &any->pool, value, capacity, &any->owner);
		break;
	default:
		got = kreg_pool_for(any->k, &any->pool, key.bytes, key.size, value, capacity,
				    &any->owner);
	}
	must(got <= KREG_VALUE_MAX);
	if (got >= 0)
		must(any->pool.found_size <= KREG_KEY_MAX &&
		     !any->pool.found[any->pool.found_size]);
}

static void call_ref(struct any *any)
{
	struct key key = any_key(any);
	unsigned char value[100];

	if (!any->ref.key || !below(any, 8)) {
		memcpy(any->ref_key, key.bytes, key.size);
		any->ref = (struct kreg_ref)KREG_REF(any->ref_key, key.size);
	}
	must(kreg_ref_lookup(any->k, &any->ref, value, sizeof(value), NULL) <=
	     (ssize_t)sizeof(value));
}

static void call_of_key(struct any *any)
{
	struct key key = any_key(any);
	int64_t sum;

	kreg_each_of_key(any->k, key.bytes, key.size, look, any);
	kreg_dispatch(any->k, key.bytes, key.size, look, any);
	kreg_counter_sum(any->k, key.bytes, key.size, &sum);
}

static void call_select(struct any *any)
{
	KREG_PATTERN(pattern, .prefix = "k", .prefix_size = 1, .match = match_some, .data = any);

	switch (below(any, 4)) {
	case 0:
		kreg_select(any->k, &pattern, look, any);
		break;
	case 1:
		kreg_count_select(any->k, &pattern);
		break;
	case 2:
		kreg_each_of_owner(any->k, &any->owner, look, any);
		break;
	default:
		kreg_each(any->k, NULL, 0, look, any);
	}
}

static int look_at_owner(const struct kreg_owner_facts *facts, void *data)
{
	struct any *any = data;

	any->owner = facts->owner;
	return 0;
}

static void call_owner(struct any *any)
{
	struct kreg_owner_facts facts;
	struct kreg_end end;

	kreg_owner_is_alive(any->k, &any->owner);
	kreg_owner_end(any->k, &any->owner, &end);
	kreg_owner_facts(any->k, &any->owner, &facts);
	if (!below(any, 16))
		kreg_each_owner(any->k, look_at_owner, any);
}

static int look_at_space(const char *space, uint64_t services, void *data)
{
	(void)services;
	(void)data;
	must(strlen(space) <= KREG_NAMESPACE_MAX);
	return 0;
}

static void call_service(struct any *any)
{
	struct kreg_service_health health = { .size = sizeof(health) };

	kreg_service_health(any->k, "space", "a", &health);
	kreg_namespace_each(any->k, look_at_space, NULL);
}

static void call_meta_read(struct any *any)
{
	struct key key = any_key(any);
	unsigned char value[100];

	must(kreg_meta_get(any->k, key.bytes, key.size, value, sizeof(value)) <=
	     (ssize_t)sizeof(value));
	kreg_meta_each(any->k, look, any);
}

static int look_at_registry(const struct kreg_registry *registry, void *data)
{
	(void)data;
	must(strlen(registry->name) > 0);
	return 0;
}

static void call_figures(struct any *any)
{
	KREG_OPTIONS(where, .directory = any->directory, .guard = "none");
	struct kreg_stat stat = { .size = sizeof(stat) };

	kreg_count(any->k);
	switch (below(any, 64)) {
	case 0:
		kreg_check(any->k, NULL, NULL);
		break;
	case 1:
		kreg_registries_each(&where, 0, look_at_registry, NULL);
		break;
	default:
		kreg_stat(any->k, &stat);
	}
}

static void (*const changes[])(struct any *) = {
	call_register, call_register, call_register_with, call_register_with,  call_register_many,
	call_publish,  call_flags,    call_unregister,    call_unregister_all, call_update,
	call_counter,  call_give,     call_for,           call_lock,           call_await,
	call_pending,  call_meta,     call_sweep,         call_section,        call_lookup,
};

static void (*const reads[])(struct any *) = {
	call_lookup, call_lookup_many, call_pool,    call_ref,       call_of_key,
	call_select, call_owner,       call_service, call_meta_read, call_figures,
};

void any_change(struct any *any)
{
	changes[below(any, sizeof(changes) / sizeof(*changes))](any);
}

void any_read(struct any *any)
{
	reads[below(any, sizeof(reads) / sizeof(*reads))](any);
}

void any_end(struct any *any)
{
	end_pending(any);
}

void any_wait(struct any *any, int64_t timeout_ms)
{
	struct key key = any_key(any);

	switch (below(any, 3)) {
	case 0:
		kreg_await(any->k, key.bytes, key.size, timeout_ms, NULL);
		break;
	case 1:
		kreg_await_gone(any->k, key.bytes, key.size, &any->owner, timeout_ms);
		break;
	default:
		kreg_register_with(any->k, key.bytes, key.size, zeros, 1, KREG_REGISTER_QUEUE,
				   NULL);
		kreg_await_turn(any->k, key.bytes, key.size, timeout_ms);
	}
}
