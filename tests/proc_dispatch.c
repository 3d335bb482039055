/* SPDX-License-Identifier: MIT */
/*
 * kreg_dispatch(): it visits all entries of a key in order, also with partitions, and
 * skips the entries of owners that have died.
 */
#include <check.h>
#include <errno.h>

#include "tests/support/child.h"
#include "tests/support/guard.h"
#include "tests/support/seen.h"

static struct kreg *k;
static int mode;

/* Registers three entries under "topic", reports that, and waits. */
static int subscribe(int link, void *data)
{
	KREG_OPTIONS(options, .keys = KREG_KEYS_DUPLICATE);
	struct kreg *own = mode_open_as(mode, "topics", &options);
	char value;

	for (value = '1'; value <= '3'; value++) {
		if (kreg_register(own, "topic", KREG_STRING, &value, 1, NULL))
			return 1;
	}
	(void)data;
	link_say(link, 0);
	link_hear(link);
	return 0;
}

static int kill_the_other(const struct kreg_entry *entry, void *data)
{
	struct child *children = data;
	int other = entry->owner.pid == children[0].pid;

	if (children[other].pid) {
		child_kill(&children[other]);
		children[other].pid = 0;
	}
	return 0;
}

START_TEST(dispatch_visits_entries_in_order_and_skips_an_owner_that_dies_midway)
{
	KREG_OPTIONS(options, .keys = KREG_KEYS_DUPLICATE);
	struct child children[2];
	struct seen seen = { "" };

	mode = _i;
	k = mode_open_as(_i, "topics", &options);
	ck_assert_int_eq(kreg_dispatch(k, "topic", KREG_STRING, seen_note, &seen), 0);
	ck_assert_str_eq(seen.text, "");
	children[0] = child_start(subscribe, NULL);
	ck_assert_int_eq(link_hear(children[0].link), 0);
	ck_assert_int_eq(kreg_dispatch(k, "topic", KREG_STRING, seen_note, &seen), 3);
	ck_assert_str_eq(seen.text, "topic=1 topic=2 topic=3 ");
	children[1] = child_start(subscribe, NULL);
	ck_assert_int_eq(link_hear(children[1].link), 0);
	ck_assert_int_eq(kreg_dispatch(k, "topic", KREG_STRING, kill_the_other, children), 3);
	child_kill(&children[children[0].pid ? 0 : 1]);
	ck_assert_int_eq(kreg_dispatch(k, "topic", KREG_STRING, seen_note, &seen), 0);
	kreg_close(k);
}
END_TEST

/*
 * Registers three entries under "topic" of a registry with partitions; then unregisters
 * on request.
 */
static int subscribe_in_partition(int link, void *data)
{
	KREG_OPTIONS(options, .keys = KREG_KEYS_DUPLICATE, .partitions = 4);
	struct kreg *own = mode_open_as(mode, "partitions", &options);
	char value;

	(void)data;
	for (value = '1'; value <= '3'; value++) {
		if (kreg_register(own, "topic", KREG_STRING, &value, 1, NULL))
			return 1;
	}
	link_say(link, 0);
	link_hear(link);
	link_say(link, kreg_unregister(own, "topic", KREG_STRING));
	link_hear(link);
	return 0;
}

static int in_order(const struct kreg_entry *entry, void *data)
{
	char *last = data;

	ck_assert_int_eq(*(const char *)entry->value, *last == '3' ? '1' : *last + 1);
	*last = *(const char *)entry->value;
	return 0;
}

START_TEST(partitions_make_no_visible_difference)
{
	KREG_OPTIONS(options, .keys = KREG_KEYS_DUPLICATE, .partitions = 4);
	KREG_OPTIONS(too_many, .keys = KREG_KEYS_DUPLICATE, .partitions = 65,
		     .directory = "/dev/shm", .guard = "none");
	struct kreg_owner owner, self;
	struct child children[8];
	struct kreg *none;
	char last = '3';
	int i;

	mode = _i;
	ck_assert_int_eq(kreg_open(&none, "partitions", &too_many), -EINVAL);
	k = mode_open_as(_i, "partitions", &options);
	for (i = 0; i < 8; i++) {
		children[i] = child_start(subscribe_in_partition, NULL);
		ck_assert_int_eq(link_hear(children[i].link), 0);
	}
	ck_assert_int_eq(kreg_count(k), 24);
	ck_assert_int_eq(kreg_dispatch(k, "topic", KREG_STRING, in_order, &last), 24);
	ck_assert_int_eq(kreg_lookup(k, "topic", KREG_STRING, NULL, 0, &owner), 1);
	ck_assert_int_eq(kreg_await(k, "topic", KREG_STRING, 0, NULL), 0);
	ck_assert_int_eq(kreg_self(k, &self), 0);
	ck_assert_int_eq(kreg_register(k, "mine", KREG_STRING, "1", 1, NULL), 0);
	ck_assert_int_eq(kreg_give(k, "mine", KREG_STRING, &owner), -EINVAL);
	for (i = 0; i < 8; i++) {
		if (i % 2) {
			link_say(children[i].link, 0);
			ck_assert_int_eq(link_hear(children[i].link), 3);
		}
		child_kill(&children[i]);
		ck_assert_int_eq(kreg_dispatch(k, "topic", KREG_STRING, in_order, &last),
				 24 - 3 * (i + 1));
	}
	ck_assert_int_eq(kreg_lookup(k, "topic", KREG_STRING, NULL, 0, NULL), -ENOENT);
	ck_assert_int_eq(kreg_await_gone(k, "topic", KREG_STRING, NULL, 0), 0);
	ck_assert_int_eq(kreg_lookup(k, "mine", KREG_STRING, NULL, 0, NULL), 1);
	ck_assert_int_ge(kreg_sweep(k), 0);
	ck_assert_int_eq(kreg_unregister(k, "mine", KREG_STRING), 1);
	ck_assert_int_eq(kreg_count(k), 0);
	kreg_close(k);
}
END_TEST

int main(void)
{
	const TTest *const both[] = {
		dispatch_visits_entries_in_order_and_skips_an_owner_that_dies_midway,
		partitions_make_no_visible_difference,
		NULL,
	};

	return modes_run(suite_create("dispatch"), tcase_create("both"), both, NULL, NULL);
}
