/* SPDX-License-Identifier: MIT */
/*
 * Services: the process that provides one, waiting for a turn, and locks, by namespace and
 * role; and what a program keeps to look a service up again or to listen to it. Each makes
 * the key and calls the function for names.
 */
#include <errno.h>
#include <string.h>

#include "lib/handle/handle.h"
#include "lib/namespace/service_key.h"
#include "lib/namespace/telemetry.h"

int kreg_service_whereis(struct kreg *k, const char *space, const char *role,
			 struct kreg_owner *owner)
{
	struct service_key key;
	int err = service_of(&key, k, space, role);

	if (!err && caa_unlikely(!owner))
		err = refuse(k, "owner is NULL");
	return err ? err : kreg_whereis(k, key.bytes, key.size, owner);
}

int kreg_service_monitor(struct kreg *k, const char *space, const char *role,
			 struct kreg_owner *owner)
{
	UNCANCELLABLE;
	struct service_key key;
	int err = service_of(&key, k, space, role);

	return err ? err : kreg_monitor(k, key.bytes, key.size, owner);
}

int kreg_service_signal(struct kreg *k, const char *space, const char *role, int signal)
{
	UNCANCELLABLE;
	struct service_key key;
	int err = service_of(&key, k, space, role);

	return err ? err : kreg_signal(k, key.bytes, key.size, signal);
}

int kreg_service_connect(struct kreg *k, const char *space, const char *role, int type,
			 struct kreg_owner *owner)
{
	UNCANCELLABLE;
	struct service_key key;
	int err = service_of(&key, k, space, role);

	return err ? err : kreg_connect(k, key.bytes, key.size, type, owner);
}

int kreg_service_await_turn(struct kreg *k, const char *space, const char *role, int64_t timeout_ms)
{
	UNCANCELLABLE;
	struct service_key key;
	int err = service_of(&key, k, space, role);

	if (err)
		return err;
	err = kreg_await_turn(k, key.bytes, key.size, timeout_ms);
	if (telemetry_is_wanted(k, &kreg_await_semaphore))
		telemetry_tell(k, KREG_TELEMETRY_AWAIT, space, role,
			       err ? &(struct kreg_owner){ 0 } : NULL, err);
	return err;
}

int kreg_service_lock(struct kreg *k, const char *space, const char *role, int64_t timeout_ms,
		      struct kreg_lock *lock)
{
	UNCANCELLABLE;
	struct service_key key;
	int err = service_of(&key, k, space, role);

	return err ? err : kreg_lock(k, key.bytes, key.size, timeout_ms, lock);
}

/* Writes the key, or the prefix of all keys of the namespace if there is no role. */
static ssize_t write_key(char *key, size_t capacity, const char *space, const char *role,
			 const char *call)
{
	struct service_key made;
	int err = role ? service_key(&made, space, role) : service_prefix(&made, space);

	if (err)
		return kreg_inner_refuse_service(NULL, call, space, role, role);
	if (!key && capacity)
		err = kreg_inner_refuse(
			NULL, call,
			(const char *const[]){ "key is NULL, but capacity is not 0", NULL });
	if (!err && key && made.size > capacity)
		err = -ERANGE;
	if (err)
		return err;
	if (!key)
		return (ssize_t)made.size;
	memcpy(key, made.bytes, made.size);
	return (ssize_t)made.size;
}

int kreg_service_ref(struct kreg_ref *out, const char *space, const char *role, char *key,
		     size_t capacity)
{
	ssize_t size;

	if (!out || !role)
		return refuse(NULL, out ? "role is NULL" : "out is NULL");
	size = write_key(key, capacity, space, role, call_of(__func__));
	if (size < 0 || !key)
		return (int)size;
	*out = (struct kreg_ref){ .key = key, .key_size = (uint32_t)size };
	return 0;
}

int kreg_service_pattern(struct kreg_pattern *out, const char *space, const char *role, char *key,
			 size_t capacity)
{
	const size_t needed = offsetof(struct kreg_pattern, prefix_size) + sizeof(out->prefix_size);
	ssize_t size;

	if (!out || out->size < needed)
		return refuse(NULL, out ? "out" SIZE_IS_NOT_SET : "out is NULL");
	size = write_key(key, capacity, space, role, call_of(__func__));
	if (size < 0 || !key)
		return (int)size;
	out->key = role ? key : NULL;
	out->key_size = role ? (size_t)size : 0;
	out->prefix = role ? NULL : key;
	out->prefix_size = role ? 0 : (size_t)size;
	return 0;
}

int kreg_service_pool(struct kreg_pool *out, const char *space, const char *role, char *key,
		      size_t capacity)
{
	ssize_t size;

	if (!out)
		return refuse(NULL, "out is NULL");
	size = write_key(key, capacity, space, role, call_of(__func__));
	if (size < 0 || !key)
		return (int)size;
	*out = (struct kreg_pool)KREG_POOL_PREFIX(key, (size_t)size);
	return 0;
}
