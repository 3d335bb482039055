/* SPDX-License-Identifier: MIT */
/*
 * The line behind a reserved name: the name is taken but has no holder, whichever
 * processes wait, and lookups, waiters and listeners see the same. Publishing in line is
 * tested in proc_publish.c.
 */
#include <check.h>
#include <errno.h>
#include <string.h>

#include "tests/support/child.h"
#include "tests/support/events.h"
#include "tests/support/guard.h"

static struct kreg *k;
static int mode;

enum order {
	RESERVE,
	QUEUE,
	RESERVE_IN_LINE,
	ALLOW, /* allow a takeover */
	REPLACE,
	REPLACE_OR_QUEUE,
	PUBLISH,
	UNREGISTER,
	UNREGISTER_WAITING, /* what waits at a position in line */
	AWAIT,
	AWAIT_TURN,
};

static int note_and_match_waiting(const struct kreg_entry *entry, void *data)
{
	*(uint32_t *)data = entry->position;
	return entry->position > 0;
}

/* Its position in line, or -1 if it was not unregistered. */
static int64_t unregister_waiting(struct kreg *own)
{
	uint32_t position = 0;
	int count =
		kreg_unregister_match(own, "name", KREG_STRING, note_and_match_waiting, &position);

	return count == 1 ? (int64_t)position : -1;
}

/* Obeys orders about "name", and reports each result. */
static int obey(int link, void *data)
{
	static const uint32_t flags[] = { KREG_REGISTER_RESERVED,
					  KREG_REGISTER_QUEUE,
					  KREG_REGISTER_RESERVED | KREG_REGISTER_QUEUE,
					  KREG_REGISTER_REPLACEABLE,
					  KREG_REGISTER_REPLACE | KREG_REGISTER_REPLACEABLE,
					  KREG_REGISTER_REPLACE | KREG_REGISTER_QUEUE };
	struct kreg *own = mode_open(mode, "line");
	struct kreg_found found = { 0 };
	int64_t order;

	(void)data;
	link_say(link, 0);
	while ((order = link_hear(link)) != INT64_MIN) {
		switch (order) {
		case PUBLISH:
			link_say(link, kreg_publish(own, "name", KREG_STRING, "up", 2));
			break;
		case UNREGISTER:
			link_say(link, kreg_unregister(own, "name", KREG_STRING));
			break;
		case UNREGISTER_WAITING:
			link_say(link, unregister_waiting(own));
			break;
		case AWAIT:
			order = kreg_await(own, "name", KREG_STRING, -1, &found);
			link_say(link, order ? order : found.owner.pid);
			break;
		case AWAIT_TURN:
			link_say(link, kreg_await_turn(own, "name", KREG_STRING, -1));
			break;
		default:
			link_say(link, kreg_register_with(own, "name", KREG_STRING, "in line", 7,
							  flags[order], NULL));
		}
	}
	return 0;
}

static struct child start(void)
{
	return child_start_ready(obey, NULL);
}

static void open_mode(int in)
{
	mode = in;
	k = mode_open(in, "line");
}

/* @pid 0: the name has no holder. */
static void assert_holder(pid_t pid)
{
	struct kreg_owner owner = { 0 };
	int err = kreg_whereis(k, "name", KREG_STRING, &owner);

	ck_assert_int_eq(err, pid ? 0 : -ENOENT);
	ck_assert_int_eq(owner.pid, pid);
}

static int note_position(const struct kreg_entry *entry, void *data)
{
	int *positions = data;

	ck_assert_uint_lt(entry->position, 8);
	*positions |= 1 << entry->position;
	return 0;
}

/*
 * Which places in line are taken, one bit each: by a visit of the key, and of all
 * entries.
 */
static void assert_positions(int wanted)
{
	int of_key = 0, of_all = 0;

	ck_assert_int_eq(kreg_each_of_key(k, "name", KREG_STRING, note_position, &of_key), 0);
	ck_assert_int_eq(kreg_select(k, NULL, note_position, &of_all), 0);
	ck_assert_int_eq(of_key, wanted);
	ck_assert_int_eq(of_all, wanted);
}

START_TEST(a_waiter_behind_a_reservation_does_not_hold_the_name)
{
	struct child first, second;
	int positions = 0;

	open_mode(_i);
	first = start();
	second = start();
	ck_assert_int_eq(child_ask(&first, RESERVE), 0);
	ck_assert_int_eq(child_ask(&second, QUEUE), KREG_WAITING);
	assert_holder(0);
	assert_positions(1 << 1);
	ck_assert_int_eq(kreg_dispatch(k, "name", KREG_STRING, note_position, &positions), 0);
	ck_assert_int_eq(child_ask(&first, PUBLISH), 0);
	assert_holder(first.pid);
	assert_positions(1 << 0 | 1 << 1);
	child_kill(&first);
	assert_holder(second.pid);
	assert_positions(1 << 0);
	child_kill(&second);
	kreg_close(k);
}
END_TEST

/* @kill: the reservation ends by death, otherwise it is given up. */
static void end_reservation(bool kill)
{
	struct child first = start(), second = start(), third = start();

	ck_assert_int_eq(child_ask(&first, RESERVE), 0);
	ck_assert_int_eq(child_ask(&second, QUEUE), KREG_WAITING);
	link_say(second.link, AWAIT_TURN);
	link_say(third.link, AWAIT);
	if (kill)
		child_kill(&first);
	else
		ck_assert_int_eq(child_ask(&first, UNREGISTER), 1);
	ck_assert_int_eq(link_hear(second.link), 0);
	ck_assert_int_eq(link_hear(third.link), second.pid);
	assert_holder(second.pid);
	if (!kill)
		child_kill(&first);
	child_kill(&second);
	child_kill(&third);
}

START_TEST(a_waiter_is_woken_when_a_reservation_ends)
{
	open_mode(_i);
	end_reservation(true);
	end_reservation(false);
	kreg_close(k);
}
END_TEST

static void assert_event(struct kreg_listener *listener, uint32_t type, pid_t pid)
{
	struct kreg_event event = event_wait(listener);

	ck_assert_uint_eq(event.type, type);
	ck_assert_int_eq(event.entry.owner.pid, pid);
}

static void assert_silence(struct kreg_listener *listener)
{
	struct kreg_event event;

	ck_assert_int_eq(kreg_listener_next(listener, &event), 0);
}

START_TEST(listeners_are_notified_of_each_holder_of_the_name)
{
	struct kreg_listener *listener;
	struct child first, second;

	open_mode(_i);
	ck_assert_int_eq(kreg_listen(&listener, k, NULL, 0), 0);
	first = start();
	second = start();
	ck_assert_int_eq(child_ask(&first, RESERVE), 0);
	ck_assert_int_eq(child_ask(&second, QUEUE), KREG_WAITING);
	assert_silence(listener);
	ck_assert_int_eq(child_ask(&first, PUBLISH), 0);
	assert_event(listener, KREG_EVENT_REGISTER, first.pid);
	assert_silence(listener);
	child_kill(&first);
	assert_event(listener, KREG_EVENT_PURGE, first.pid);
	assert_event(listener, KREG_EVENT_REGISTER, second.pid);

	/* In line with a reservation, published there. */
	first = start();
	ck_assert_int_eq(child_ask(&first, RESERVE_IN_LINE), KREG_WAITING);
	ck_assert_int_eq(child_ask(&first, PUBLISH), KREG_WAITING);
	assert_silence(listener);
	child_kill(&second);
	assert_event(listener, KREG_EVENT_PURGE, second.pid);
	assert_event(listener, KREG_EVENT_REGISTER, first.pid);
	child_kill(&first);
	assert_event(listener, KREG_EVENT_PURGE, first.pid);
	kreg_listener_close(listener);
	kreg_close(k);
}
END_TEST

START_TEST(listeners_are_notified_of_the_next_holder_when_a_reservation_ends)
{
	struct kreg_listener *listener;
	struct child first, second;
	int kill;

	open_mode(_i);
	ck_assert_int_eq(kreg_listen(&listener, k, NULL, 0), 0);
	for (kill = 0; kill < 2; kill++) {
		first = start();
		second = start();
		ck_assert_int_eq(child_ask(&first, RESERVE), 0);
		ck_assert_int_eq(child_ask(&second, QUEUE), KREG_WAITING);
		assert_silence(listener);
		if (kill)
			child_kill(&first);
		else
			ck_assert_int_eq(child_ask(&first, UNREGISTER), 1);
		assert_event(listener, KREG_EVENT_REGISTER, second.pid);
		if (!kill)
			child_kill(&first);
		child_kill(&second);
		assert_event(listener, KREG_EVENT_PURGE, second.pid);
	}
	assert_silence(listener);
	kreg_listener_close(listener);
	kreg_close(k);
}
END_TEST

/* @replace: the flags with which the waiter takes the name over. */
static void take_from_line(int64_t replace)
{
	struct kreg_listener *listener;
	struct kreg_event event;
	struct child first = start(), second = start(), third = start();

	ck_assert_int_eq(child_ask(&first, ALLOW), 0);
	ck_assert_int_eq(child_ask(&second, QUEUE), KREG_WAITING);
	ck_assert_int_eq(child_ask(&third, QUEUE), KREG_WAITING);
	assert_positions(1 << 0 | 1 << 1 | 1 << 2);
	ck_assert_int_eq(kreg_listen(&listener, k, NULL, 0), 0);
	ck_assert_int_eq(child_ask(&second, replace), 0);
	assert_holder(second.pid);
	assert_positions(1 << 0 | 1 << 1 | 1 << 2);
	ck_assert_int_eq(kreg_count(k), 3);
	event = event_wait(listener);
	ck_assert_uint_eq(event.type, KREG_EVENT_TAKEN);
	ck_assert_int_eq(event.entry.owner.pid, second.pid);
	ck_assert_int_eq(event.from.pid, first.pid);
	assert_silence(listener);
	/* Nothing is left of its place. */
	ck_assert_int_eq(child_ask(&second, UNREGISTER), 1);
	assert_holder(first.pid);
	assert_positions(1 << 0 | 1 << 1);
	ck_assert_int_eq(kreg_count(k), 2);
	child_kill(&second);
	child_kill(&first);
	assert_holder(third.pid);
	child_kill(&third);
	kreg_listener_close(listener);
}

START_TEST(a_waiter_that_takes_the_name_over_is_in_line_once)
{
	open_mode(_i);
	take_from_line(REPLACE);
	take_from_line(REPLACE_OR_QUEUE);
	kreg_close(k);
}
END_TEST

START_TEST(unregistering_a_waiting_entry_shows_its_position_in_line)
{
	struct child line[4];
	int i;

	open_mode(_i);
	for (i = 0; i < 4; i++) {
		line[i] = start();
		ck_assert_int_eq(child_ask(&line[i], i == 1 ? RESERVE_IN_LINE : QUEUE),
				 i ? KREG_WAITING : 0);
	}
	ck_assert_int_eq(child_ask(&line[3], UNREGISTER_WAITING), 3);
	ck_assert_int_eq(child_ask(&line[1], UNREGISTER), 1);
	ck_assert_int_eq(child_ask(&line[2], UNREGISTER_WAITING), 1);
	ck_assert_int_eq(child_ask(&line[0], UNREGISTER_WAITING), -1);
	assert_holder(line[0].pid);
	for (i = 0; i < 4; i++)
		child_kill(&line[i]);
	kreg_close(k);
}
END_TEST

int main(void)
{
	const TTest *const both[] = {
		a_waiter_behind_a_reservation_does_not_hold_the_name,
		a_waiter_is_woken_when_a_reservation_ends,
		listeners_are_notified_of_each_holder_of_the_name,
		listeners_are_notified_of_the_next_holder_when_a_reservation_ends,
		a_waiter_that_takes_the_name_over_is_in_line_once,
		unregistering_a_waiting_entry_shows_its_position_in_line,
		NULL,
	};

	return modes_run(suite_create("line"), tcase_create("both"), both, NULL, NULL);
}
