/* SPDX-License-Identifier: MIT */
/*
 * Calls by namespace and role. Most of the names are keys of any_key() too.
 */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/inner.h"
#include "tests/support/any_parts.h"

#define SPACE "space"
#define MANY 3u

static const char *any_role(struct any *any)
{
	static const char longest[] = "role-of-a-service-that-is-as-long-as-possible-"
				      "0123456789012345678901234567890123456789012345678901"
				      "2345678901234567890123456789012345678901234567890123";
	static const char *const roles[] = { "a", "g", "m", "s", "else", longest };

	_Static_assert(sizeof(longest) == KREG_ROLE_MAX + 1, "the longest that there is");
	return roles[any_below(any, sizeof(roles) / sizeof(*roles))];
}

/* ---- calls that change */

static void register_many(struct any *any)
{
	struct kreg_service_item items[MANY];
	size_t failed;
	uint32_t i;

	for (i = 0; i < MANY; i++)
		items[i] = (struct kreg_service_item){ SPACE, any_role(any), any_zeros,
						       any_value_size(any) };
	CALL(any, kreg_service_register_many, any->k, items, MANY, &failed);
}

static void update(struct any *any, const char *role)
{
	unsigned char old[100];

	switch (any_below(any, 3)) {
	case 0:
		CALL(any, kreg_service_update, any->k, SPACE, role, any_zeros, any_value_size(any),
		     old, sizeof(old));
		break;
	case 1:
		CALL(any, kreg_service_update_if, any->k, SPACE, role, any_zeros,
		     any_value_size(any), any_zeros, any_value_size(any));
		break;
	default:
		CALL(any, kreg_service_update_with, any->k, SPACE, role, any_change_value, any);
	}
}

void any_service_change(struct any *any)
{
	const char *role = any_role(any);
	uint32_t size = any_value_size(any);

	switch (any_below(any, 8)) {
	case 0:
		CALL(any, kreg_service_register, any->k, SPACE, role, any_zeros, size, NULL);
		break;
	case 1:
		CALL(any, kreg_service_register_with, any->k, SPACE, role, any_zeros, size,
		     any_below(any, 32), NULL);
		break;
	case 2:
		register_many(any);
		break;
	case 3:
		CALL(any, kreg_service_publish, any->k, SPACE, role, any_zeros, size);
		break;
	case 4:
		CALL(any, kreg_service_unregister, any->k, SPACE, role);
		break;
	case 5:
		CALL(any, kreg_service_give, any->k, SPACE, role, &any->owner);
		break;
	case 6:
		CALL(any, kreg_service_beat, any->k);
		break;
	default:
		update(any, role);
	}
}

void any_service_for(struct any *any)
{
	const char *role = any_role(any);
	uint32_t size = any_value_size(any);

	switch (any_below(any, 3)) {
	case 0:
		CALL(any, kreg_service_register_for, any->k, &any->owner, SPACE, role, any_zeros,
		     size, any_below(any, 32), NULL);
		break;
	case 1:
		CALL(any, kreg_service_update_for, any->k, &any->owner, SPACE, role, any_zeros,
		     size);
		break;
	default:
		CALL(any, kreg_service_unregister_for, any->k, &any->owner, SPACE, role);
	}
}

void any_service_count(struct any *any)
{
	const char *role = any_role(any);
	int64_t now;

	switch (any_below(any, 3)) {
	case 0:
		CALL(any, kreg_service_counter_add, any->k, SPACE, role, any_integer(any), &now);
		break;
	case 1:
		CALL(any, kreg_service_counter_add_bounded, any->k, SPACE, role, any_integer(any),
		     any_integer(any), any_integer(any), &now);
		break;
	default:
		CALL(any, kreg_service_counter_reset, any->k, SPACE, role, any_integer(any), &now);
	}
}

/* What a supervisor reports, which it does through libkreg-services. */
void any_service_report(struct any *any)
{
	const char *role = any_role(any);
	const struct reported_state state = {
		.supervisor = 1 + any_below(any, 2),
		.since = any_below(any, 1000),
		.due = any_below(any, 1000),
		.program = any->owner.token,
		.pid = any->owner.pid,
		.state = any_below(any, KREG_STATE_FAILED + 2),
	};

	if (any_below(any, 4))
		kreg_inner_report(any->k, SPACE, role, &state);
	else
		kreg_inner_unreport(any->k, SPACE, role, state.supervisor);
}

static void begin(struct any *any, const char *role)
{
	struct kreg_pending *pending = NULL;

	switch (any_below(any, 4)) {
	case 0:
		CALL(any, kreg_service_await_begin, &pending, any->k, SPACE, role);
		break;
	case 1:
		CALL(any, kreg_service_await_gone_begin, &pending, any->k, SPACE, role,
		     &any->owner);
		break;
	case 2:
		CALL(any, kreg_service_await_turn_begin, &pending, any->k, SPACE, role);
		break;
	default:
		CALL(any, kreg_service_lock_begin, &pending, any->k, SPACE, role);
	}
	if (!pending)
		return;
	CALL(any, kreg_pending_result, pending, NULL);
	kreg_pending_close(pending);
}

void any_service_wait(struct any *any)
{
	const char *role = any_role(any);

	switch (any_below(any, 5)) {
	case 0:
		CALL(any, kreg_service_await, any->k, SPACE, role, 0, NULL);
		break;
	case 1:
		CALL(any, kreg_service_await_gone, any->k, SPACE, role, &any->owner, 0);
		break;
	case 2:
		CALL(any, kreg_service_await_turn, any->k, SPACE, role, 0);
		break;
	case 3:
		if (CALL(any, kreg_unlock, any->k, &any->lock))
			CALL(any, kreg_service_lock, any->k, SPACE, role, 0, &any->lock);
		break;
	default:
		begin(any, role);
	}
}

/* ---- calls that read */

static void look_up(struct any *any, const char *role)
{
	unsigned char value[100];
	const void *at;
	ssize_t got;

	got = CALL(any, kreg_service_lookup, any->k, SPACE, role, value, sizeof(value),
		   &any->owner);
	any_must(got <= (ssize_t)sizeof(value));
	got = CALL(any, kreg_service_lookup_string, any->k, SPACE, role, (char *)value,
		   sizeof(value), NULL);
	any_must(got < (ssize_t)sizeof(value));
	CALL(any, kreg_service_whereis, any->k, SPACE, role, &any->owner);
	CALL(any, kreg_read_enter, any->k);
	got = CALL(any, kreg_service_read, any->k, SPACE, role, &at, NULL);
	any_must(got <= KREG_VALUE_MAX);
	if (got > 0)
		any_look_at(at, (size_t)got);
	CALL(any, kreg_read_leave, any->k);
}

static void look_at_process(struct any *any, const char *role)
{
	int fd = CALL(any, kreg_service_monitor, any->k, SPACE, role, &any->owner);

	if (fd >= 0)
		close(fd);
	fd = CALL(any, kreg_service_connect, any->k, SPACE, role, SOCK_STREAM, NULL);
	if (fd >= 0)
		close(fd);
	CALL(any, kreg_service_signal, any->k, SPACE, role, 0);
}

static void look_at_state(const struct kreg_service_state *state)
{
	any_must(state->state >= KREG_STATE_WAITING && state->state <= KREG_STATE_FAILED);
	any_must(state->since_ms >= 0 && state->next_ms >= -1);
}

void any_service_read(struct any *any)
{
	struct kreg_service_health health = { .size = sizeof(health) };
	struct kreg_service_state state = { .size = sizeof(state) };
	const char *role = any_role(any);

	switch (any_below(any, 4)) {
	case 0:
		look_up(any, role);
		break;
	case 1:
		look_at_process(any, role);
		break;
	case 2:
		if (!CALL(any, kreg_service_health, any->k, SPACE, role, &health))
			any_must(strnlen(health.status, sizeof(health.status)) <= KREG_STATUS_MAX);
		break;
	default:
		if (!CALL(any, kreg_service_state, any->k, SPACE, role, &state))
			look_at_state(&state);
	}
}

static int look_at_service(const struct kreg_service *service, void *data)
{
	struct any *any = data;

	any_must(strlen(service->space) <= KREG_NAMESPACE_MAX);
	any_must(strlen(service->role) <= KREG_ROLE_MAX);
	any_must(service->value_size <= KREG_VALUE_MAX);
	any_look_at(service->value, service->value_size);
	any->owner = service->owner;
	return 0;
}

static int look_at_space(const char *space, uint64_t services, void *data)
{
	(void)services;
	(void)data;
	any_must(strlen(space) <= KREG_NAMESPACE_MAX);
	return 0;
}

static int look_at_each_state(const char *space, const char *role,
			      const struct kreg_service_state *state, void *data)
{
	(void)data;
	any_must(strlen(space) <= KREG_NAMESPACE_MAX && strlen(role) <= KREG_ROLE_MAX);
	look_at_state(state);
	return 0;
}

void any_service_visit(struct any *any)
{
	const char *space = any_below(any, 2) ? SPACE : NULL;

	switch (any_below(any, 4)) {
	case 0:
		CALL(any, kreg_service_each, any->k, SPACE, look_at_service, any);
		break;
	case 1:
		CALL(any, kreg_service_each_reserved, any->k, SPACE, look_at_service, any);
		break;
	case 2:
		CALL(any, kreg_namespace_each, any->k, look_at_space, NULL);
		break;
	default:
		CALL(any, kreg_service_state_each, any->k, space, look_at_each_state, NULL);
	}
}
