/* SPDX-License-Identifier: MIT */
/*
 * The events of a name, in order: every beginning has one end, whatever has changed it; and missed events are
 * reported as missed.
 */
#include <check.h>
#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tests/support/child.h"
#include "tests/support/events.h"
#include "tests/support/guard.h"
#include "tests/support/obedient.h"
#include "tests/support/unit.h"

static struct kreg *k;
static struct kreg_listener *listener;
static int mode;

static void open_listener(int in, const struct kreg_pattern *pattern, uint32_t flags)
{
	mode = in;
	k = mode_open(in, "listen");
	ck_assert_int_eq(kreg_listen(&listener, k, pattern, flags), 0);
}

static void close_listener(void)
{
	kreg_listener_close(listener);
	kreg_close(k);
}

static void assert_event(uint32_t type, pid_t pid, const char *key, const char *value)
{
	struct kreg_event event = event_wait(listener);

	ck_assert_uint_eq(event.type, type);
	ck_assert_int_eq(event.entry.owner.pid, pid);
	ck_assert_uint_eq(event.entry.key_size, strlen(key));
	ck_assert_mem_eq(event.entry.key, key, strlen(key));
	ck_assert_uint_eq(event.entry.value_size, strlen(value));
	ck_assert_mem_eq(event.entry.value, value, strlen(value));
}

START_TEST(every_event_of_a_name_is_reported_including_its_owners_death)
{
	struct child child;

	open_listener(_i, NULL, 0);
	event_none(listener);
	child = obedient_start(mode, "listen");
	obedient_does(&child, REGISTER, 0);
	assert_event(KREG_EVENT_REGISTER, child.pid, "name", "a");
	obedient_does(&child, UPDATE, 1);
	assert_event(KREG_EVENT_UPDATE, child.pid, "name", "c");
	obedient_does(&child, UNREGISTER, 1);
	assert_event(KREG_EVENT_UNREGISTER, child.pid, "name", "c");
	event_none(listener);
	obedient_does(&child, REGISTER, 0);
	assert_event(KREG_EVENT_REGISTER, child.pid, "name", "a");
	event_none(listener);
	child_kill(&child);
	assert_event(KREG_EVENT_PURGE, child.pid, "name", "a");
	event_none(listener);
	/* A close is not a death, although in the fallback it ends a life. */
	child = obedient_start(mode, "listen");
	obedient_does(&child, REGISTER, 0);
	obedient_does(&child, CLOSE, 0);
	assert_event(KREG_EVENT_REGISTER, child.pid, "name", "a");
	assert_event(KREG_EVENT_UNREGISTER, child.pid, "name", "a");
	event_none(listener);
	child_kill(&child);
	event_none(listener);
	close_listener();
}
END_TEST

START_TEST(a_reserved_name_is_reported_when_published)
{
	struct child child;

	open_listener(_i, NULL, 0);
	child = obedient_start(mode, "listen");
	obedient_does(&child, RESERVE, 0);
	event_none(listener);
	obedient_does(&child, UNREGISTER, 1);
	event_none(listener);
	obedient_does(&child, RESERVE, 0);
	obedient_does(&child, PUBLISH, 0);
	assert_event(KREG_EVENT_REGISTER, child.pid, "name", "b");
	child_kill(&child);
	assert_event(KREG_EVENT_PURGE, child.pid, "name", "b");
	close_listener();
}
END_TEST

START_TEST(a_waiter_in_line_is_reported_when_it_holds_the_name)
{
	struct child holder, next, third;

	open_listener(_i, NULL, 0);
	holder = obedient_start(mode, "listen");
	next = obedient_start(mode, "listen");
	third = obedient_start(mode, "listen");
	obedient_does(&holder, ALLOW, 0);
	obedient_does(&next, QUEUE, KREG_WAITING);
	assert_event(KREG_EVENT_REGISTER, holder.pid, "name", "a");
	event_none(listener);
	obedient_does(&third, REPLACE, 0);
	assert_event(KREG_EVENT_TAKEN, third.pid, "name", "a");
	child_kill(&third);
	assert_event(KREG_EVENT_PURGE, third.pid, "name", "a");
	assert_event(KREG_EVENT_REGISTER, holder.pid, "name", "a");
	obedient_does(&holder, UNREGISTER, 1);
	assert_event(KREG_EVENT_UNREGISTER, holder.pid, "name", "a");
	assert_event(KREG_EVENT_REGISTER, next.pid, "name", "a");
	child_kill(&next);
	assert_event(KREG_EVENT_PURGE, next.pid, "name", "a");
	event_none(listener);
	child_kill(&holder);
	close_listener();
}
END_TEST

START_TEST(existing_entries_are_reported_on_request)
{
	KREG_PATTERN(names, .glob = "na*");
	KREG_PATTERN(by_value, .value = "a", .value_size = 1);
	struct kreg_event event;
	struct child child;

	mode = _i;
	k = mode_open(mode, "listen");
	child = obedient_start(mode, "listen");
	obedient_does(&child, REGISTER, 0);
	ck_assert_int_eq(kreg_register(k, "other", KREG_STRING, NULL, 0, NULL), 0);
	ck_assert_int_eq(kreg_listen(&listener, k, &by_value, 0), -EINVAL);
	ck_assert_int_eq(kreg_listen(&listener, k, NULL, 1 << 9), -EINVAL);
	ck_assert_int_eq(kreg_listen(&listener, k, &names, KREG_LISTEN_KNOWN), 0);
	event = event_wait(listener);
	ck_assert_uint_eq(event.type, KREG_EVENT_REGISTER);
	ck_assert_uint_ne(event.known, 0);
	ck_assert_mem_eq(event.entry.key, "name", 4);
	ck_assert_int_eq(kreg_unregister(k, "other", KREG_STRING), 1);
	event_none(listener);
	kreg_listener_close(listener);
	ck_assert_int_eq(kreg_listen(&listener, k, NULL, 0), 0);
	event_none(listener);
	child_kill(&child);
	assert_event(KREG_EVENT_PURGE, child.pid, "name", "a");
	close_listener();
}
END_TEST

/* Derives from the events which of "many-*" are registered. */
static void count_event(const struct kreg_event *event, bool *there, uint64_t *lost)
{
	char key[16];
	int i;

	if (event->type == KREG_EVENT_OVERRUN) {
		unit_assert(event->lost);
		*lost += event->lost;
		return;
	}
	snprintf(key, sizeof(key), "%.*s", (int)event->entry.key_size,
		 (const char *)event->entry.key);
	unit_assert(sscanf(key, "many-%d", &i) == 1);
	unit_assert(there[i] == (event->type != KREG_EVENT_REGISTER));
	there[i] = event->type == KREG_EVENT_REGISTER;
}

START_TEST(a_slow_listener_learns_how_many_events_it_missed_and_recovers)
{
	bool there[1000] = { false };
	uint64_t lost = 0;
	struct kreg_event event;
	struct child child;
	int i, got;

	open_listener(_i, NULL, 0);
	child = obedient_start(mode, "listen");
	/* Registers and unregisters a thousand names, and ends with them registered. */
	obedient_does(&child, MANY, 0);
	while ((got = kreg_listener_next(listener, &event)) == 1)
		count_event(&event, there, &lost);
	ck_assert_int_eq(got, 0);
	ck_assert_uint_gt(lost, MANY_EVENTS / 2);
	ck_assert_uint_le(lost, MANY_EVENTS);
	for (i = 0; i < 1000; i++)
		unit_assert(there[i]);
	child_kill(&child);
	for (i = 0; i < 1000; i++) {
		event = event_wait(listener);
		ck_assert_uint_eq(event.type, KREG_EVENT_PURGE);
		count_event(&event, there, &lost);
	}
	event_none(listener);
	close_listener();
}
END_TEST

static int note_place(const struct kreg_entry *entry, void *place)
{
	*(uint64_t *)place = entry->reserved;
	return 0;
}

/* Waits for @key, and returns its place in the table. */
static uint64_t place_in_line(struct kreg *own, const char *key)
{
	KREG_PATTERN(mine, .key = key, .key_size = KREG_STRING);
	struct kreg_owner self;
	uint64_t place = 0;

	mine.owner = &self;
	if (kreg_register_with(own, key, KREG_STRING, "a", 1, KREG_REGISTER_QUEUE, NULL) !=
		    KREG_WAITING ||
	    kreg_self(own, &self) || kreg_select(own, &mine, note_place, &place))
		return 0;
	return place;
}

/*
 * Waits for "first" and, on request, for "later" at the same place; then makes more
 * events than its log has room for.
 */
static int wait_at_one_place(int link, void *data)
{
	static char bulk[60000];
	struct kreg *own = mode_open(mode, "listen");
	uint64_t place = place_in_line(own, "first");
	int i, err;

	(void)data;
	link_say(link, place ? 0 : -1);
	link_hear(link);
	err = kreg_unregister(own, "first", KREG_STRING) - 1;
	for (i = 0; i < 100000 && !err && place_in_line(own, "later") != place; i++)
		err = kreg_unregister(own, "later", KREG_STRING) - 1;
	if (i == 100000)
		err = -ENOSPC;
	for (i = 0; i < 4 && !err; i++) {
		err = kreg_register(own, "bulk", KREG_STRING, bulk, sizeof(bulk), NULL);
		if (!err)
			err = kreg_unregister(own, "bulk", KREG_STRING) - 1;
	}
	link_say(link, err);
	link_hear(link);
	return 0;
}

static int wait_for_later(int link, void *data)
{
	struct kreg *own = mode_open(mode, "listen");

	(void)data;
	link_say(link, place_in_line(own, "later") ? 0 : -1);
	link_hear(link);
	return 0;
}

/* The next event that is neither an overrun nor one of the events that caused it. */
static void assert_next_but_bulk(uint32_t type, pid_t pid, const char *key)
{
	struct kreg_event event;

	do
		event = event_wait(listener);
	while (event.type == KREG_EVENT_OVERRUN || !memcmp(event.entry.key, "bulk", 4));
	ck_assert_uint_eq(event.entry.key_size, strlen(key));
	ck_assert_mem_eq(event.entry.key, key, strlen(key));
	ck_assert_uint_eq(event.type, type);
	ck_assert_int_eq(event.entry.owner.pid, pid);
}

START_TEST(a_reused_place_is_reported_only_under_its_new_key)
{
	struct child waiter, next;

	open_listener(_i, NULL, 0);
	ck_assert_int_eq(kreg_register(k, "first", KREG_STRING, "h", 1, NULL), 0);
	ck_assert_int_eq(kreg_register(k, "later", KREG_STRING, "h", 1, NULL), 0);
	waiter = child_start_ready(wait_at_one_place, NULL);
	assert_event(KREG_EVENT_REGISTER, getpid(), "first", "h");
	assert_event(KREG_EVENT_REGISTER, getpid(), "later", "h");
	event_none(listener);
	ck_assert_int_eq(child_ask(&waiter, 0), 0);
	next = child_start_ready(wait_for_later, NULL);
	/*
	 * This event arrives before the waiter's changes, which were missed and are
	 * looked up afterwards.
	 */
	ck_assert_int_eq(kreg_unregister(k, "later", KREG_STRING), 1);
	assert_next_but_bulk(KREG_EVENT_UNREGISTER, getpid(), "later");
	assert_next_but_bulk(KREG_EVENT_REGISTER, waiter.pid, "later");
	ck_assert_int_eq(kreg_unregister(k, "first", KREG_STRING), 1);
	assert_next_but_bulk(KREG_EVENT_UNREGISTER, getpid(), "first");
	child_kill(&waiter);
	assert_next_but_bulk(KREG_EVENT_PURGE, waiter.pid, "later");
	assert_next_but_bulk(KREG_EVENT_REGISTER, next.pid, "later");
	event_none(listener);
	child_kill(&next);
	close_listener();
}
END_TEST

int main(void)
{
	const TTest *const both[] = {
		every_event_of_a_name_is_reported_including_its_owners_death,
		a_reserved_name_is_reported_when_published,
		a_waiter_in_line_is_reported_when_it_holds_the_name,
		existing_entries_are_reported_on_request,
		a_slow_listener_learns_how_many_events_it_missed_and_recovers,
		a_reused_place_is_reported_only_under_its_new_key,
		NULL,
	};

	return modes_run(suite_create("listen"), tcase_create("both"), both, NULL, NULL);
}
