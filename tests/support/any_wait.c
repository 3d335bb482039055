/* SPDX-License-Identifier: MIT */
/*
 * Calls that wait, with and without blocking, and that listen.
 */
#include <string.h>

#include "tests/support/any_parts.h"

#define EVENTS_MAX 64u

void any_wait(struct any *any, int64_t timeout_ms)
{
	struct any_key key = any_key(any);

	switch (any_below(any, 3)) {
	case 0:
		CALL(any, kreg_await, any->k, key.bytes, key.size, timeout_ms, NULL);
		break;
	case 1:
		CALL(any, kreg_await_gone, any->k, key.bytes, key.size, &any->owner, timeout_ms);
		break;
	default:
		CALL(any, kreg_register_with, any->k, key.bytes, key.size, any_zeros, 1,
		     KREG_REGISTER_QUEUE, NULL);
		CALL(any, kreg_await_turn, any->k, key.bytes, key.size, timeout_ms);
	}
}

void any_lock(struct any *any)
{
	struct any_key key = any_key(any);

	if (CALL(any, kreg_unlock, any->k, &any->lock))
		CALL(any, kreg_lock, any->k, key.bytes, key.size, 0, &any->lock);
}

void any_await(struct any *any)
{
	any_wait(any, 0);
}

static void end_pending(struct any *any)
{
	unsigned char value[100];
	struct kreg_found found = { .value = value, .capacity = sizeof(value) };

	if (!any->pending)
		return;
	any_must(CALL(any, kreg_pending_fd, any->pending) > 2);
	CALL(any, kreg_pending_result, any->pending, &found);
	CALL(any, kreg_pending_result, any->pending, NULL);
	CALL(any, kreg_pending_lock, any->pending, &any->lock);
	kreg_pending_close(any->pending);
	any->pending = NULL;
}

void any_pending(struct any *any)
{
	struct any_key key = any_key(any);

	end_pending(any);
	switch (any_below(any, 4)) {
	case 0:
		CALL(any, kreg_await_begin, &any->pending, any->k, key.bytes, key.size);
		break;
	case 1:
		CALL(any, kreg_await_gone_begin, &any->pending, any->k, key.bytes, key.size,
		     &any->owner);
		break;
	case 2:
		CALL(any, kreg_await_turn_begin, &any->pending, any->k, key.bytes, key.size);
		break;
	default:
		CALL(any, kreg_lock_begin, &any->pending, any->k, key.bytes, key.size);
	}
}

static void end_listening(struct any *any)
{
	kreg_listener_close(any->listener);
	any->listener = NULL;
}

/* Opens a listener, of all keys or of some; takes what it has; closes it. */
void any_listen(struct any *any)
{
	KREG_PATTERN(some, .prefix = "k", .prefix_size = 1);
	struct kreg_event event;
	uint32_t i;

	if (!any->listener) {
		CALL(any, kreg_listen, &any->listener, any->k, any_below(any, 2) ? &some : NULL,
		     any_below(any, 4));
		return;
	}
	CALL(any, kreg_listener_fd, any->listener);
	for (i = any_below(any, EVENTS_MAX); i; i--) {
		if (CALL(any, kreg_listener_next, any->listener, &event) != 1)
			break;
		if (event.type != KREG_EVENT_OVERRUN)
			any_look(&event.entry, any);
	}
	if (!any_below(any, 4))
		end_listening(any);
}

static void look_at_telemetry(const struct kreg_telemetry *event, void *data)
{
	struct any *any = data;

	any_must(strlen(event->space) <= KREG_NAMESPACE_MAX &&
		 strlen(event->role) <= KREG_ROLE_MAX);
	any->owner = event->owner;
}

void any_telemetry(struct any *any)
{
	CALL(any, kreg_service_telemetry, any->k, any_below(any, 2) ? look_at_telemetry : NULL,
	     any);
}

void any_wait_end(struct any *any)
{
	end_pending(any);
	end_listening(any);
}
