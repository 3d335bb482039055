/* SPDX-License-Identifier: MIT */
/*
 * Services: the calls for names, by namespace and role. Each makes the key and calls the
 * function for names, which does the work; the events of telemetry are added here.
 */
#include <errno.h>
#include <stdlib.h>

#include "lib/handle/handle.h"
#include "lib/namespace/service_key.h"
#include "lib/namespace/telemetry.h"

static void tell_held(struct kreg *k, const char *space, const char *role)
{
	if (telemetry_is_wanted(k, &kreg_register_semaphore))
		telemetry_tell(k, KREG_TELEMETRY_REGISTER, space, role, NULL, 0);
}

static void tell_refused(struct kreg *k, const char *space, const char *role,
			 const struct kreg_owner *holder)
{
	if (telemetry_is_wanted(k, &kreg_refuse_semaphore))
		telemetry_tell(k, KREG_TELEMETRY_REFUSE, space, role, holder, -EEXIST);
}

int kreg_service_register_with(struct kreg *k, const char *space, const char *role,
			       const void *value, size_t value_size, uint32_t flags,
			       struct kreg_found *holder)
{
	UNCANCELLABLE;
	struct kreg_found own = { 0 };
	struct service_key key;
	int err = service_of(&key, k, space, role);

	if (err)
		return err;
	if (!holder)
		holder = &own;
	err = kreg_register_with(k, key.bytes, key.size, value, value_size, flags, holder);
	if (!err && !(flags & KREG_REGISTER_RESERVED))
		tell_held(k, space, role);
	if (err == -EEXIST)
		tell_refused(k, space, role, &holder->owner);
	return err;
}

static int make_items(struct kreg_item *out, struct service_key *keys, struct kreg *k,
		      const struct kreg_service_item *items, size_t count, size_t *failed)
{
	size_t i;
	int err = 0;

	for (i = 0; i < count && !err; i++) {
		err = service_of(&keys[i], k, items[i].space, items[i].role);
		out[i] = (struct kreg_item){ .key = keys[i].bytes,
					     .key_size = keys[i].size,
					     .value = items[i].value,
					     .value_size = items[i].value_size };
	}
	if (err)
		*failed = i - 1;
	return err;
}

/* The holder may have ended since; the event then has no owner. */
static void tell_one_refused(struct kreg *k, const struct kreg_service_item *item)
{
	struct kreg_owner holder;

	if (kreg_service_whereis(k, item->space, item->role, &holder))
		holder = (struct kreg_owner){ 0 };
	tell_refused(k, item->space, item->role, &holder);
}

int kreg_service_register_many(struct kreg *k, const struct kreg_service_item *items, size_t count,
			       size_t *failed)
{
	UNCANCELLABLE;
	struct service_key *keys;
	struct kreg_item *made;
	size_t at = count, i;
	int err;

	if (!k)
		return refuse(k, K_IS_NULL);
	if (!items && count)
		return refuse(k, "items is NULL, but count is not 0");
	if (!count)
		return 0;
	made = calloc(count, sizeof(*made));
	keys = calloc(count, sizeof(*keys));
	err = made && keys ? make_items(made, keys, k, items, count, &at) : -ENOMEM;
	if (!err)
		err = kreg_register_many(k, made, count, &at);
	free(keys);
	free(made);
	for (i = 0; i < count && !err; i++)
		tell_held(k, items[i].space, items[i].role);
	if (err == -EEXIST)
		tell_one_refused(k, &items[at]);
	if (err && failed && at < count)
		*failed = at;
	return err;
}

int kreg_service_publish(struct kreg *k, const char *space, const char *role, const void *value,
			 size_t value_size)
{
	UNCANCELLABLE;
	struct service_key key;
	int err = service_of(&key, k, space, role);

	if (err)
		return err;
	err = kreg_publish(k, key.bytes, key.size, value, value_size);
	if (!err)
		tell_held(k, space, role);
	return err;
}

int kreg_service_give(struct kreg *k, const char *space, const char *role,
		      const struct kreg_owner *to)
{
	UNCANCELLABLE;
	struct service_key key;
	int err = service_of(&key, k, space, role);

	return err ? err : kreg_give(k, key.bytes, key.size, to);
}

int kreg_service_register_for(struct kreg *k, const struct kreg_owner *to, const char *space,
			      const char *role, const void *value, size_t value_size,
			      uint32_t flags, struct kreg_found *holder)
{
	UNCANCELLABLE;
	struct service_key key;
	int err = service_of(&key, k, space, role);

	return err ? err
		   : kreg_register_for(k, to, key.bytes, key.size, value, value_size, flags,
				       holder);
}

int kreg_service_update_for(struct kreg *k, const struct kreg_owner *to, const char *space,
			    const char *role, const void *value, size_t value_size)
{
	UNCANCELLABLE;
	struct service_key key;
	int err = service_of(&key, k, space, role);

	return err ? err : kreg_update_for(k, to, key.bytes, key.size, value, value_size);
}

int kreg_service_unregister_for(struct kreg *k, const struct kreg_owner *to, const char *space,
				const char *role)
{
	UNCANCELLABLE;
	struct service_key key;
	int err = service_of(&key, k, space, role);

	return err ? err : kreg_unregister_for(k, to, key.bytes, key.size);
}

ssize_t kreg_service_update(struct kreg *k, const char *space, const char *role, const void *value,
			    size_t value_size, void *old, size_t capacity)
{
	UNCANCELLABLE;
	struct service_key key;
	int err = service_of(&key, k, space, role);

	return err ? err : kreg_update(k, key.bytes, key.size, value, value_size, old, capacity);
}

int kreg_service_update_if(struct kreg *k, const char *space, const char *role, const void *value,
			   size_t value_size, const void *expected, size_t expected_size)
{
	UNCANCELLABLE;
	struct service_key key;
	int err = service_of(&key, k, space, role);

	return err ? err
		   : kreg_update_if(k, key.bytes, key.size, value, value_size, expected,
				    expected_size);
}

int kreg_service_update_with(struct kreg *k, const char *space, const char *role,
			     kreg_update_fn change, void *data)
{
	UNCANCELLABLE;
	struct service_key key;
	int err = service_of(&key, k, space, role);

	return err ? err : kreg_update_with(k, key.bytes, key.size, change, data);
}

int kreg_service_counter_add(struct kreg *k, const char *space, const char *role, int64_t delta,
			     int64_t *now)
{
	UNCANCELLABLE;
	struct service_key key;
	int err = service_of(&key, k, space, role);

	return err ? err : kreg_counter_add(k, key.bytes, key.size, delta, now);
}

int kreg_service_counter_add_bounded(struct kreg *k, const char *space, const char *role,
				     int64_t delta, int64_t threshold, int64_t to, int64_t *now)
{
	UNCANCELLABLE;
	struct service_key key;
	int err = service_of(&key, k, space, role);

	return err ? err
		   : kreg_counter_add_bounded(k, key.bytes, key.size, delta, threshold, to, now);
}

int kreg_service_counter_reset(struct kreg *k, const char *space, const char *role, int64_t to,
			       int64_t *before)
{
	UNCANCELLABLE;
	struct service_key key;
	int err = service_of(&key, k, space, role);

	return err ? err : kreg_counter_reset(k, key.bytes, key.size, to, before);
}

ssize_t kreg_service_read(struct kreg *k, const char *space, const char *role, const void **value,
			  struct kreg_owner *owner)
{
	struct service_key key;
	int err = service_of(&key, k, space, role);

	if (!err && caa_unlikely(!value))
		err = refuse(k, "value is NULL");
	return err ? err : kreg_read(k, key.bytes, key.size, value, owner);
}
