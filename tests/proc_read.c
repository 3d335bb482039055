/* SPDX-License-Identifier: MIT */
/*
 * Read sections: what they have read stays valid until they are left, they nest, and a
 * process that stays in one too long is expelled.
 */
#include <check.h>
#include <errno.h>

#include "tests/support/child.h"
#include "tests/support/guard.h"
#include "tests/support/tmp.h"

START_TEST(sections_nest_and_keep_their_reads_valid)
{
	struct kreg *k = mode_open(_i, "read");
	const void *value;

	ck_assert_int_eq(kreg_register(k, "key", KREG_STRING, "value", 5, NULL), 0);
	ck_assert_int_eq(kreg_read(k, "key", KREG_STRING, &value, NULL), -EINVAL);
	ck_assert_int_eq(kreg_read_leave(k), -EINVAL);
	ck_assert_int_eq(kreg_read_enter(k), 0);
	ck_assert_int_eq(kreg_read_enter(k), 0);
	ck_assert_int_eq(kreg_read(k, "key", KREG_STRING, &value, NULL), 5);
	ck_assert_int_eq(kreg_read_leave(k), 0);
	ck_assert_int_eq(kreg_unregister(k, "key", KREG_STRING), 1);
	ck_assert_mem_eq(value, "value", 5);
	ck_assert_int_eq(kreg_read_leave(k), 0);
	kreg_close(k);
}
END_TEST

static int stay_in_section(int link, void *data)
{
	KREG_OPTIONS(options, .directory = tmp_directory(), .guard = mode_guard(*(int *)data));
	const void *value;
	struct kreg *k;

	if (kreg_open(&k, "patience", &options) || kreg_read_enter(k) ||
	    kreg_read(k, "name", KREG_STRING, &value, NULL) != 1)
		return 1;
	link_say(link, 1);
	link_hear(link);
	link_say(link, kreg_read_leave(k));
	link_hear(link);
	return 0;
}

START_TEST(a_reader_that_stays_too_long_is_expelled_and_notified)
{
	KREG_OPTIONS(options, .directory = tmp_directory(), .guard = mode_guard(_i),
		     .patience_ms = 20);
	struct kreg_stat stat = { .size = sizeof(stat) };
	struct child child;
	uint64_t epoch;
	struct kreg *k;

	ck_assert_int_eq(kreg_open(&k, "patience", &options), 0);
	ck_assert_int_eq(kreg_register(k, "name", KREG_STRING, "x", 1, NULL), 0);
	child = child_start(stay_in_section, &_i);
	ck_assert_int_eq(link_hear(child.link), 1);
	ck_assert_int_eq(kreg_stat(k, &stat), 0);
	/* It delays the epoch for its patience, and no longer. */
	epoch = stat.epoch;
	while (stat.epoch < epoch + 3) {
		ck_assert_int_ge(kreg_sweep(k), 0);
		ck_assert_int_eq(kreg_stat(k, &stat), 0);
	}
	link_say(child.link, 1);
	ck_assert_int_eq(link_hear(child.link), -ESTALE);
	child_kill(&child);
	kreg_close(k);
}
END_TEST

int main(void)
{
	const TTest *const both[] = {
		sections_nest_and_keep_their_reads_valid,
		a_reader_that_stays_too_long_is_expelled_and_notified,
		NULL,
	};

	return modes_run(suite_create("read"), tcase_create("both"), both, NULL, NULL);
}
