/* SPDX-License-Identifier: MIT */
/*
 * kreg_publish(): a reserved name is found once its owner has published it, or waits in
 * line if another process holds the name by then.
 */
#include <check.h>
#include <errno.h>

#include "tests/support/child.h"
#include "tests/support/guard.h"

static struct kreg *k;
static int mode;

static struct kreg *open_mode(int in)
{
	mode = in;
	return mode_open(in, "publish");
}

/* Orders; others are the flags with which to register "key". */
#define PUBLISH (-1)
#define UNREGISTER (-2)

/* Obeys orders, and reports each result. */
static int obey(int link, void *data)
{
	struct kreg *own = mode_open(mode, "publish");
	int64_t order;

	(void)data;
	link_say(link, 0);
	while ((order = link_hear(link)) != INT64_MIN) {
		if (order == PUBLISH)
			link_say(link, kreg_publish(own, "key", KREG_STRING, "up", 2));
		else if (order == UNREGISTER)
			link_say(link, kreg_unregister(own, "key", KREG_STRING));
		else
			link_say(link, kreg_register_with(own, "key", KREG_STRING, "", 0,
							  (uint32_t)order, NULL));
	}
	return 0;
}

/* @flags: with which it registers "key"; @wanted: the result of that. */
static struct child start(uint32_t flags, int wanted)
{
	struct child child = child_start_ready(obey, NULL);

	ck_assert_int_eq(child_ask(&child, flags), wanted);
	return child;
}

static void assert_holder(pid_t pid)
{
	struct kreg_owner owner = { 0 };

	ck_assert_int_eq(kreg_whereis(k, "key", KREG_STRING, &owner), 0);
	ck_assert_int_eq(owner.pid, pid);
}

static int note_position(const struct kreg_entry *entry, void *data)
{
	int *positions = data;

	ck_assert_uint_lt(entry->position, 8);
	*positions |= 1 << entry->position;
	return 0;
}

/* The places in line that are found, one bit each. */
static int positions(void)
{
	int found = 0;

	ck_assert_int_eq(kreg_each_of_key(k, "key", KREG_STRING, note_position, &found), 0);
	return found;
}

START_TEST(a_reserved_name_is_taken_but_not_found_until_published)
{
	struct kreg_found holder = { 0 };
	struct kreg_owner owner;
	struct child child;
	char value[64];

	k = open_mode(_i);
	child = start(KREG_REGISTER_RESERVED, 0);
	ck_assert_int_eq(kreg_lookup(k, "key", KREG_STRING, NULL, 0, NULL), -ENOENT);
	ck_assert_int_eq(kreg_count(k), 0);
	ck_assert_int_eq(kreg_count_select(k, NULL), 0);
	ck_assert_int_eq(kreg_register_with(k, "key", KREG_STRING, NULL, 0, 0, &holder), -EEXIST);
	ck_assert_int_eq(holder.owner.pid, child.pid);
	ck_assert_int_eq(holder.size, -ENOENT);
	ck_assert_int_eq(kreg_publish(k, "key", KREG_STRING, "x", 1), -EPERM);
	ck_assert_int_eq(child_ask(&child, PUBLISH), 0);
	ck_assert_int_eq(kreg_lookup(k, "key", KREG_STRING, value, sizeof(value), &owner), 2);
	ck_assert_mem_eq(value, "up", 2);
	ck_assert_int_eq(owner.pid, child.pid);
	ck_assert_int_eq(kreg_count(k), 1);
	ck_assert_int_eq(child_ask(&child, PUBLISH), -ENOENT);
	child_kill(&child);
	ck_assert_int_eq(kreg_count(k), 0);

	/* A process that dies before it publishes leaves the name free. */
	child = start(KREG_REGISTER_RESERVED, 0);
	child_kill(&child);
	child = start(KREG_REGISTER_RESERVED, 0);
	ck_assert_int_eq(child_ask(&child, UNREGISTER), 1);
	ck_assert_int_eq(kreg_register(k, "key", KREG_STRING, NULL, 0, NULL), 0);
	child_kill(&child);
	kreg_close(k);
}
END_TEST

START_TEST(a_reservation_published_in_line_keeps_waiting)
{
	struct child first, second;

	k = open_mode(_i);
	first = start(KREG_REGISTER_QUEUE, 0);
	second = start(KREG_REGISTER_RESERVED | KREG_REGISTER_QUEUE, KREG_WAITING);
	assert_holder(first.pid);
	ck_assert_int_eq(positions(), 1 << 0);
	ck_assert_int_eq(child_ask(&second, PUBLISH), KREG_WAITING);
	assert_holder(first.pid);
	ck_assert_int_eq(positions(), 1 << 0 | 1 << 1);
	child_kill(&first);
	assert_holder(second.pid);
	child_kill(&second);
	kreg_close(k);
}
END_TEST

START_TEST(publishing_a_name_that_was_taken_over_reports_that_it_waits)
{
	struct child first, second;

	k = open_mode(_i);
	first = start(KREG_REGISTER_RESERVED | KREG_REGISTER_REPLACEABLE, 0);
	second = start(KREG_REGISTER_REPLACE | KREG_REGISTER_REPLACEABLE, 0);
	ck_assert_int_eq(child_ask(&first, PUBLISH), KREG_WAITING);
	assert_holder(second.pid);
	ck_assert_int_eq(child_ask(&first, PUBLISH), -EPERM);
	child_kill(&second);
	assert_holder(first.pid);
	child_kill(&first);
	kreg_close(k);
}
END_TEST

int main(void)
{
	const TTest *const both[] = {
		a_reserved_name_is_taken_but_not_found_until_published,
		a_reservation_published_in_line_keeps_waiting,
		publishing_a_name_that_was_taken_over_reports_that_it_waits,
		NULL,
	};

	return modes_run(suite_create("publish"), tcase_create("both"), both, NULL, NULL);
}
