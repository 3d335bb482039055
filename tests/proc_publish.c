/* SPDX-License-Identifier: MIT */
/*
 * kreg_publish(): a reserved name is found once its owner has published it. Publishing in
 * line is tested in proc_line.c.
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

enum order { PUBLISH = 1, UNREGISTER };

/* Reserves "key", reports that, obeys orders, and reports each result. */
static int reserve(int link, void *data)
{
	struct kreg *own = mode_open(mode, "publish");
	int64_t order;

	(void)data;
	link_say(link,
		 kreg_register_with(own, "key", KREG_STRING, "", 0, KREG_REGISTER_RESERVED, NULL));
	while ((order = link_hear(link)) != INT64_MIN)
		link_say(link, order == PUBLISH ? kreg_publish(own, "key", KREG_STRING, "up", 2)
						: kreg_unregister(own, "key", KREG_STRING));
	return 0;
}

START_TEST(a_reserved_name_is_taken_but_not_found_until_published)
{
	struct kreg_found holder = { 0 };
	struct kreg_owner owner;
	struct child child;
	char value[64];

	k = open_mode(_i);
	child = child_start_ready(reserve, NULL);
	ck_assert_int_eq(kreg_lookup(k, "key", KREG_STRING, NULL, 0, NULL), -ENOENT);
	ck_assert_int_eq(kreg_count(k), 0);
	ck_assert_int_eq(kreg_count_select(k, NULL), 0);
	ck_assert_int_eq(kreg_register_with(k, "key", KREG_STRING, NULL, 0, 0, &holder), -EEXIST);
	ck_assert_int_eq(holder.owner.pid, child.pid);
	ck_assert_int_eq(holder.size, -ENOENT);
	ck_assert_int_eq(kreg_publish(k, "key", KREG_STRING, "x", 1), -ENOENT);
	link_say(child.link, PUBLISH);
	ck_assert_int_eq(link_hear(child.link), 0);
	ck_assert_int_eq(kreg_lookup(k, "key", KREG_STRING, value, sizeof(value), &owner), 2);
	ck_assert_mem_eq(value, "up", 2);
	ck_assert_int_eq(owner.pid, child.pid);
	ck_assert_int_eq(kreg_count(k), 1);
	link_say(child.link, PUBLISH);
	ck_assert_int_eq(link_hear(child.link), -ENOENT);
	child_kill(&child);
	ck_assert_int_eq(kreg_count(k), 0);

	/* A process that dies before it publishes leaves the name free. */
	child = child_start_ready(reserve, NULL);
	child_kill(&child);
	child = child_start_ready(reserve, NULL);
	link_say(child.link, UNREGISTER);
	ck_assert_int_eq(link_hear(child.link), 1);
	ck_assert_int_eq(kreg_register(k, "key", KREG_STRING, NULL, 0, NULL), 0);
	child_kill(&child);
	kreg_close(k);
}
END_TEST

int main(void)
{
	const TTest *const both[] = {
		a_reserved_name_is_taken_but_not_found_until_published,
		NULL,
	};

	return modes_run(suite_create("publish"), tcase_create("both"), both, NULL, NULL);
}
