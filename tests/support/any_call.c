/* SPDX-License-Identifier: MIT */
/*
 * Calls that change, by key, and which call it is.
 */
#include "tests/support/any_call.h"

#include <string.h>

#include "tests/support/any_parts.h"

#define MANY 5u

static void call_register(struct any *any)
{
	struct any_key key = any_key(any);
	unsigned char bytes[100];
	struct kreg_found holder = { .value = bytes, .capacity = sizeof(bytes) };

	CALL(any, kreg_register, any->k, key.bytes, key.size, any_zeros, any_value_size(any),
	     &holder);
}

static void call_register_with(struct any *any)
{
	struct any_key key = any_key(any);

	CALL(any, kreg_register_with, any->k, key.bytes, key.size, any_zeros, any_value_size(any),
	     any_below(any, 32), NULL);
}

static void call_many(struct any *any)
{
	struct any_key keys[MANY];
	struct kreg_item items[MANY];
	uint32_t i;

	for (i = 0; i < MANY; i++) {
		keys[i] = any_key(any);
		items[i] = (struct kreg_item){ keys[i].bytes, keys[i].size, any_zeros,
					       any_value_size(any) };
	}
	if (any_below(any, 3))
		CALL(any, kreg_register_many, any->k, items, MANY, NULL);
	else
		CALL(any, kreg_meta_put_many, any->k, items, any_below(any, MANY + 1));
}

static void call_publish(struct any *any)
{
	struct any_key key = any_key(any);

	CALL(any, kreg_publish, any->k, key.bytes, key.size, any_zeros, any_value_size(any));
}

static void call_flags(struct any *any)
{
	struct any_key key = any_key(any);
	uint32_t flags;

	CALL(any, kreg_set_flags, any->k, key.bytes, key.size, any_below(any, 32));
	CALL(any, kreg_get_flags, any->k, key.bytes, key.size, &flags);
}

static void call_unregister(struct any *any)
{
	struct any_key key = any_key(any);

	if (any_below(any, 2))
		CALL(any, kreg_unregister, any->k, key.bytes, key.size);
	else
		CALL(any, kreg_unregister_match, any->k, key.bytes, key.size, any_match_some, any);
}

/* Seldom, so that there is something. */
static void call_unregister_all(struct any *any)
{
	if (!any_below(any, 16))
		CALL(any, kreg_unregister_all, any->k, any_below(any, 2));
}

static void call_update(struct any *any)
{
	struct any_key key = any_key(any);
	unsigned char old[1000];

	switch (any_below(any, 3)) {
	case 0:
		CALL(any, kreg_update, any->k, key.bytes, key.size, any_zeros, any_value_size(any),
		     old, sizeof(old));
		break;
	case 1:
		CALL(any, kreg_update_if, any->k, key.bytes, key.size, any_zeros,
		     any_value_size(any), any_zeros, any_value_size(any));
		break;
	default:
		CALL(any, kreg_update_with, any->k, key.bytes, key.size, any_change_value, any);
	}
}

static void call_counter(struct any *any)
{
	struct any_key key = any_key(any), other = any_key(any);
	struct kreg_counter_item items[] = {
		{ .key = key.bytes, .key_size = key.size, .delta = any_integer(any) },
		{ .key = other.bytes, .key_size = other.size, .delta = any_integer(any) },
	};
	int64_t now;

	switch (any_below(any, 4)) {
	case 0:
		CALL(any, kreg_counter_add, any->k, key.bytes, key.size, any_integer(any), &now);
		break;
	case 1:
		CALL(any, kreg_counter_add_bounded, any->k, key.bytes, key.size, any_integer(any),
		     any_integer(any), any_integer(any), &now);
		break;
	case 2:
		CALL(any, kreg_counter_reset, any->k, key.bytes, key.size, any_integer(any), &now);
		break;
	default:
		if (CALL(any, kreg_counter_add_many, any->k, items, 2) < 0)
			break;
		any_said(any, "kreg_counter_add", items[0].error);
		any_said(any, "kreg_counter_add", items[1].error);
	}
}

static void call_give(struct any *any)
{
	struct any_key key = any_key(any);

	CALL(any, kreg_give, any->k, key.bytes, key.size, &any->owner);
}

static void call_for(struct any *any)
{
	struct any_key key = any_key(any);
	uint32_t size = any_value_size(any);

	switch (any_below(any, 4)) {
	case 0:
		CALL(any, kreg_allow, any->k, any_below(any, 2));
		break;
	case 1:
		CALL(any, kreg_register_for, any->k, &any->owner, key.bytes, key.size, any_zeros,
		     size, any_below(any, 32), NULL);
		break;
	case 2:
		CALL(any, kreg_update_for, any->k, &any->owner, key.bytes, key.size, any_zeros,
		     size);
		break;
	default:
		CALL(any, kreg_unregister_for, any->k, &any->owner, key.bytes, key.size);
	}
}

static void call_meta(struct any *any)
{
	struct any_key key = any_key(any);

	if (any_below(any, 3))
		CALL(any, kreg_meta_put, any->k, key.bytes, key.size, any_zeros,
		     any_value_size(any) % 4000);
	else
		CALL(any, kreg_meta_delete, any->k, key.bytes, key.size);
}

static void call_sweep(struct any *any)
{
	CALL(any, kreg_sweep, any->k);
}

static void call_remote(struct any *any)
{
	struct any_key key = any_key(any);
	KREG_REMOTE(remote, .token = any_below(any, 4), .flags = any_below(any, 2));

	memset(remote.host, 'h', 1 + any_below(any, 2) * (KREG_HOST_MAX - 1));
	CALL(any, kreg_register_remote, any->k, key.bytes, key.size, any_zeros, any_value_size(any),
	     &remote, any_below(any, 2) ? KREG_REGISTER_REPLACEABLE : 0, NULL);
}

static void call_cluster(struct any *any)
{
	struct any_key key = any_key(any);

	if (any_below(any, 3))
		CALL(any, kreg_cluster_register, any->k, key.bytes, key.size, any_zeros,
		     any_value_size(any), any_below(any, 2), 0, NULL);
	else
		CALL(any, kreg_cluster_unregister, any->k, key.bytes, key.size);
}

static void (*const changes[])(struct any *) = {
	call_register,      call_register,       call_register_with,
	call_register_with, call_many,           call_remote,
	call_cluster,       call_publish,        call_flags,
	call_unregister,    call_unregister_all, call_update,
	call_counter,       call_give,           call_for,
	any_lock,           any_await,           any_pending,
	any_listen,         any_telemetry,       call_meta,
	call_sweep,         any_section,         any_lookup,
	any_service_change, any_service_count,   any_service_for,
	any_service_report, any_service_wait,
};

static void (*const reads[])(struct any *) = {
	any_lookup,       any_lookup_many,   any_pool,    any_ref,       any_of_key,
	any_select,       any_owner,         any_process, any_meta_read, any_remote_host,
	any_service_read, any_service_visit, any_figures,
};

void any_change(struct any *any)
{
	changes[any_below(any, sizeof(changes) / sizeof(*changes))](any);
}

void any_read(struct any *any)
{
	reads[any_below(any, sizeof(reads) / sizeof(*reads))](any);
}

void any_end(struct any *any)
{
	any_wait_end(any);
}
