/* SPDX-License-Identifier: MIT */
/*
 * Services: the calls that every user of them needs, and the listing of them. The others
 * are in service_name.c and service_peer.c.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/handle/handle.h"
#include "lib/namespace/service_key.h"
#include "lib/namespace/telemetry.h"
#include "lib/find/found.h"
#include "lib/find/text.h"
#include "lib/wait/pending.h"
#include "lib/find/visit.h"

int kreg_service_register(struct kreg *k, const char *space, const char *role, const void *value,
			  size_t value_size, struct kreg_found *holder)
{
	UNCANCELLABLE;
	return kreg_service_register_with(k, space, role, value, value_size, 0, holder);
}

int kreg_service_unregister(struct kreg *k, const char *space, const char *role)
{
	UNCANCELLABLE;
	struct service_key key;
	int err = service_of(&key, k, space, role);

	if (err)
		return err;
	err = kreg_unregister(k, key.bytes, key.size);
	if (err > 0 && telemetry_is_wanted(k, &kreg_unregister_semaphore))
		telemetry_tell(k, KREG_TELEMETRY_UNREGISTER, space, role, NULL, 0);
	return err;
}

ssize_t kreg_service_lookup(struct kreg *k, const char *space, const char *role, void *value,
			    size_t capacity, struct kreg_owner *owner)
{
	struct service_key key;
	int err = service_of(&key, k, space, role);

	if (!err && caa_unlikely(!value && capacity))
		err = buffer_of_call(k, value, capacity, "value");
	return err ? err : kreg_lookup(k, key.bytes, key.size, value, capacity, owner);
}

ssize_t kreg_service_lookup_string(struct kreg *k, const char *space, const char *role, char *out,
				   size_t capacity, struct kreg_owner *owner)
{
	struct service_key key;
	ssize_t got = service_of(&key, k, space, role);

	if (!got && caa_unlikely(!out && capacity))
		got = buffer_of_call(k, out, capacity, "out");
	if (!got)
		got = kreg_lookup(k, key.bytes, key.size, out, text_room(out, capacity), owner);

	return text_end(out, capacity, got);
}

int kreg_service_await(struct kreg *k, const char *space, const char *role, int64_t timeout_ms,
		       struct kreg_found *found)
{
	UNCANCELLABLE;
	struct kreg_found own = { 0 };
	struct service_key key;
	int err = service_of(&key, k, space, role);

	if (err)
		return err;
	if (!found)
		found = &own;
	err = kreg_await(k, key.bytes, key.size, timeout_ms, found);
	/* A value that does not fit has an owner too. */
	if (telemetry_is_wanted(k, &kreg_await_semaphore))
		telemetry_tell(k, KREG_TELEMETRY_AWAIT, space, role,
			       found_is(err) ? &found->owner : &(struct kreg_owner){ 0 },
			       found_is(err) ? 0 : err);
	return err;
}

int kreg_service_await_gone(struct kreg *k, const char *space, const char *role,
			    const struct kreg_owner *owner, int64_t timeout_ms)
{
	UNCANCELLABLE;
	struct service_key key;
	int err = service_of(&key, k, space, role);

	return err ? err : kreg_await_gone(k, key.bytes, key.size, owner, timeout_ms);
}

static void tell_await(struct kreg *k, const struct query *q, const struct kreg_owner *owner,
		       int result)
{
	char space[KREG_NAMESPACE_MAX + 1], role[KREG_ROLE_MAX + 1];

	if (telemetry_is_wanted(k, &kreg_await_semaphore) &&
	    !service_parse(q->key, q->key_size, space, sizeof(space), role, sizeof(role)))
		telemetry_tell(k, KREG_TELEMETRY_AWAIT, space, role, owner, result);
}

int kreg_service_await_begin(struct kreg_pending **out, struct kreg *k, const char *space,
			     const char *role)
{
	UNCANCELLABLE;
	struct service_key key;
	int err = out ? service_of(&key, k, space, role) : refuse(k, OUT_IS_NULL);

	if (!err)
		err = kreg_await_begin(out, k, key.bytes, key.size);
	if (!err)
		pending_tell_by(*out, tell_await);
	return err;
}

int kreg_service_await_gone_begin(struct kreg_pending **out, struct kreg *k, const char *space,
				  const char *role, const struct kreg_owner *owner)
{
	UNCANCELLABLE;
	struct service_key key;
	int err = service_of(&key, k, space, role);

	return err ? err : kreg_await_gone_begin(out, k, key.bytes, key.size, owner);
}

int kreg_service_await_turn_begin(struct kreg_pending **out, struct kreg *k, const char *space,
				  const char *role)
{
	UNCANCELLABLE;
	struct service_key key;
	int err = service_of(&key, k, space, role);

	return err ? err : kreg_await_turn_begin(out, k, key.bytes, key.size);
}

int kreg_service_lock_begin(struct kreg_pending **out, struct kreg *k, const char *space,
			    const char *role)
{
	UNCANCELLABLE;
	struct service_key key;
	int err = service_of(&key, k, space, role);

	return err ? err : kreg_lock_begin(out, k, key.bytes, key.size);
}

struct each {
	int (*visit)(const struct kreg_service *service, void *data);
	void *data;
};

static int visit_service(const struct kreg_entry *entry, void *data)
{
	char space[KREG_NAMESPACE_MAX + 1], role[KREG_ROLE_MAX + 1];
	const struct each *each = data;
	struct kreg_service service = { .space = space, .role = role };

	if (entry->position ||
	    service_parse(entry->key, entry->key_size, space, sizeof(space), role, sizeof(role)))
		return 0;
	service.value = entry->value;
	service.value_size = entry->value_size;
	service.owner = entry->owner;
	service.flags = entry->flags;
	return each->visit(&service, each->data);
}

static int visit_services(struct kreg *k, const char *space, struct each *each, bool reserved_too)
{
	struct service_key prefix = { .size = 0 };

	if (!k || !each->visit)
		return refuse(k, k ? "visit is NULL" : K_IS_NULL);
	if (!k->segment.unique)
		return refuse(k, "the registry has duplicate keys, in which there are no services: "
				 "kreg_each() lists what there is");
	if (space && service_prefix(&prefix, space))
		return kreg_inner_refuse_service(k, call_of(__func__), space, NULL, false);
	KREG_PATTERN(pattern, .prefix = prefix.bytes, .prefix_size = prefix.size);

	/* The key of a service has a slash, so it is of a group. */
	return visit_group(&(struct visit){ .k = k,
					    .pattern = &pattern,
					    .visit = visit_service,
					    .data = each,
					    .kinds = reserved_too ? KINDS_OF_NAMES : 0 });
}

int kreg_service_each(struct kreg *k, const char *space,
		      int (*visit)(const struct kreg_service *service, void *data), void *data)
{
	UNCANCELLABLE;

	return visit_services(k, space, &(struct each){ visit, data }, false);
}

int kreg_service_each_reserved(struct kreg *k, const char *space,
			       int (*visit)(const struct kreg_service *service, void *data),
			       void *data)
{
	UNCANCELLABLE;

	return visit_services(k, space, &(struct each){ visit, data }, true);
}

/* One namespace for each service; equal ones are merged after sorting. */
struct spaces {
	char (*names)[KREG_NAMESPACE_MAX + 1];
	size_t count, size;
};

static int note_namespace(const struct kreg_service *service, void *data)
{
	struct spaces *spaces = data;
	size_t size = spaces->size ? spaces->size * 2 : 64;
	void *grown;

	if (spaces->count == spaces->size) {
		grown = realloc(spaces->names, size * sizeof(*spaces->names));
		if (!grown)
			return -ENOMEM;
		spaces->names = grown;
		spaces->size = size;
	}
	strcpy(spaces->names[spaces->count++], service->space);
	return 0;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(a, b);
}

static int show(const char *space, uint64_t services,
		int (*visit)(const char *space, uint64_t services, void *data), void *data)
{
	OUTSIDE_OF_CALL;

	return visit(space, services, data);
}

int kreg_namespace_each(struct kreg *k,
			int (*visit)(const char *space, uint64_t services, void *data), void *data)
{
	UNCANCELLABLE;
	struct spaces spaces = { 0 };
	size_t first, end;
	int err = visit ? kreg_service_each(k, NULL, note_namespace, &spaces)
			: refuse(k, "visit is NULL");

	if (spaces.count)
		qsort(spaces.names, spaces.count, sizeof(*spaces.names), by_name);
	for (first = 0; first < spaces.count && !err; first = end) {
		for (end = first + 1;
		     end < spaces.count && !strcmp(spaces.names[first], spaces.names[end]);)
			end++;
		err = show(spaces.names[first], end - first, visit, data);
	}
	free(spaces.names);
	return err;
}
