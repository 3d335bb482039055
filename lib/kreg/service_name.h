/* SPDX-License-Identifier: MIT */
/*
 * kreg: services: the other calls for names, by namespace and role.
 *
 * Include <kreg.h>, which states what holds for all calls; <kreg/service.h> states what
 * namespaces and roles are. Each call below does what the call of its name without
 * "service_" does with a key: context, what a death leaves, and errors are the same, and
 *   -EINVAL        a namespace or a role that no service has, or duplicate keys
 *
 * These have no such call, for a reason:
 *   kreg_unregister_match, kreg_counter_sum, kreg_each_of_key, kreg_dispatch
 *                  are for several entries under one key; a service has one
 *   kreg_lookup_many
 *                  is for thousands of names; kreg_service_each() visits a namespace
 *   kreg_counter_add_many
 *                  is for the counters of one process; a service has one
 *   kreg_select, kreg_count_select, kreg_listen
 *                  take a pattern; kreg_service_pattern() makes it
 *   all others     have no key
 */
#ifndef KREG_SERVICE_NAME_H
#define KREG_SERVICE_NAME_H

#include <kreg/base.h>
#include <kreg/name.h>
#include <kreg/pool.h>
#include <kreg/query.h>
#include <kreg/ref.h>
#include <kreg/wait.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * As kreg_register_with(), with the same flags, and kreg_publish(). Telemetry reports
 * REGISTER when a lookup finds the service, and REFUSE if it is taken.
 * Since: 1.0
 */
int kreg_service_register_with(struct kreg *k, const char *space, const char *role,
			       const void *value, size_t value_size, uint32_t flags,
			       struct kreg_found *holder);
int kreg_service_publish(struct kreg *k, const char *space, const char *role, const void *value,
			 size_t value_size);

struct kreg_service_item {
	const char *space;
	const char *role;
	const void *value;
	size_t value_size;
};

/*
 * As kreg_register_many(): all services or none. It allocates memory for the keys.
 *
 * @failed: may be NULL; gets the index of the item that caused an error. It is unchanged if
 *         no item did.
 * Since: 1.0
 */
int kreg_service_register_many(struct kreg *k, const struct kreg_service_item *items, size_t count,
			       size_t *failed);

/* As kreg_give(). Telemetry reports nothing. Since: 1.0 */
int kreg_service_give(struct kreg *k, const char *space, const char *role,
		      const struct kreg_owner *to);

/*
 * As kreg_register_for(), kreg_update_for() and kreg_unregister_for(). Telemetry reports
 * nothing: the owner is another process.
 * Since: 1.0
 */
int kreg_service_register_for(struct kreg *k, const struct kreg_owner *to, const char *space,
			      const char *role, const void *value, size_t value_size,
			      uint32_t flags, struct kreg_found *holder);
int kreg_service_update_for(struct kreg *k, const struct kreg_owner *to, const char *space,
			    const char *role, const void *value, size_t value_size);
int kreg_service_unregister_for(struct kreg *k, const struct kreg_owner *to, const char *space,
				const char *role);

/* As kreg_update(), kreg_update_if() and kreg_update_with(). Since: 1.0 */
ssize_t kreg_service_update(struct kreg *k, const char *space, const char *role, const void *value,
			    size_t value_size, void *old, size_t capacity);
int kreg_service_update_if(struct kreg *k, const char *space, const char *role, const void *value,
			   size_t value_size, const void *expected, size_t expected_size);
int kreg_service_update_with(struct kreg *k, const char *space, const char *role,
			     kreg_update_fn change, void *data);

/*
 * As kreg_counter_add(), kreg_counter_add_bounded() and kreg_counter_reset(), for a service whose
 * value is a figure, such as the load of a worker. kreg_service_lookup() reads it.
 * Since: 1.0
 */
int kreg_service_counter_add(struct kreg *k, const char *space, const char *role, int64_t delta,
			     int64_t *now);
int kreg_service_counter_add_bounded(struct kreg *k, const char *space, const char *role,
				     int64_t delta, int64_t threshold, int64_t to, int64_t *now);
int kreg_service_counter_reset(struct kreg *k, const char *space, const char *role, int64_t to,
			       int64_t *before);

/* As kreg_read(), between kreg_read_enter() and kreg_read_leave(). Since: 1.0 */
ssize_t kreg_service_read(struct kreg *k, const char *space, const char *role, const void **value,
			  struct kreg_owner *owner);

/* As kreg_whereis(), kreg_monitor(), kreg_signal() and kreg_connect(). Since: 1.0 */
int kreg_service_whereis(struct kreg *k, const char *space, const char *role,
			 struct kreg_owner *owner);
int kreg_service_monitor(struct kreg *k, const char *space, const char *role,
			 struct kreg_owner *owner);
int kreg_service_signal(struct kreg *k, const char *space, const char *role, int signal);
int kreg_service_connect(struct kreg *k, const char *space, const char *role, int type,
			 struct kreg_owner *owner);

/*
 * As kreg_await_turn(). Telemetry reports AWAIT; if the result is 0, the owner is the caller.
 * Since: 1.0
 */
int kreg_service_await_turn(struct kreg *k, const char *space, const char *role,
			    int64_t timeout_ms);

/*
 * As kreg_lock(); kreg_unlock() unlocks it. Locks of two namespaces are two locks. The keys of
 * locks are separate from those of services: a lock keeps no process from registering the
 * role.
 * Since: 1.0
 */
int kreg_service_lock(struct kreg *k, const char *space, const char *role, int64_t timeout_ms,
		      struct kreg_lock *lock);

/*
 * kreg_service_ref() makes a reference to a service, for kreg_ref_lookup().
 * kreg_service_pattern() sets key and prefix of a pattern, for kreg_listen(), kreg_select()
 * and kreg_count_select(): it matches the service, or all services of @space if @role is
 * NULL. The other fields of the pattern stay as they are.
 * kreg_service_pool() makes a pool of the services of @space whose roles begin with @role, or
 * of all of them if @role is NULL, for kreg_pool_next() and its like. kreg_service_parse() of
 * what is found returns the role.
 *
 * @out: of kreg_service_pattern(): a pattern made with KREG_PATTERN, or whose @size is set.
 * @key: @capacity bytes, to which @out points afterwards; KREG_KEY_MAX always suffice. They
 *         stay as they are as long as the reference, the pattern or the pool is used.
 * Context: any, also a signal handler.
 * Return: 0; if @key is NULL and @capacity 0, the size that the key has, and nothing has
 *         changed; or an error, and nothing has changed:
 *   -EINVAL        an argument is not allowed
 *   -ERANGE        the key is longer than @capacity
 * Since: 1.0
 */
int kreg_service_ref(struct kreg_ref *out, const char *space, const char *role, char *key,
		     size_t capacity);
int kreg_service_pattern(struct kreg_pattern *out, const char *space, const char *role, char *key,
			 size_t capacity);
int kreg_service_pool(struct kreg_pool *out, const char *space, const char *role, char *key,
		      size_t capacity);

#ifdef __cplusplus
}
#endif
#endif
