/* SPDX-License-Identifier: MIT */
/*
 * Promise 1: once a death can be known, no lookup finds the dead. 10,000 processes
 * register a name and are killed; right after waitpid() or pidfd readiness has reported
 * the death, another process looks up, counts and lists.
 */
#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "tests/support/child.h"
#include "tests/support/guard.h"

#if defined(__SANITIZE_ADDRESS__)
#define DEATHS 1000
#else
#define DEATHS 10000
#endif

static int register_and_wait(int link, void *data)
{
	int mode = *(int *)data;
	struct kreg *k = mode_open(mode, "fresh");
	int err = kreg_register(k, "name", KREG_STRING, "value", 5, NULL);

	link_say(link, err ? err : getpid());
	link_hear(link);
	return 0;
}

static int count_entry(const struct kreg_entry *entry, void *data)
{
	(void)entry;
	++*(int *)data;
	return 0;
}

static int stale(struct kreg *k)
{
	int listed = 0;

	ck_assert_int_eq(kreg_each(k, "na", 2, count_entry, &listed), 0);
	return (kreg_lookup(k, "name", KREG_STRING, NULL, 0, NULL) != -ENOENT) + listed +
	       (kreg_count(k) != 0);
}

START_TEST(a_known_death_is_seen_by_all_lookups)
{
	struct kreg *k = mode_open(_i, "fresh");
	int i, found = 0, by_pidfd = 0;

	for (i = 0; i < DEATHS; i++) {
		struct child child = child_start(register_and_wait, &_i);
		struct kreg_owner owner;

		ck_assert_int_eq(link_hear(child.link), child.pid);
		ck_assert_int_eq(kreg_lookup(k, "name", KREG_STRING, NULL, 0, &owner), 5);
		ck_assert_int_eq(owner.pid, child.pid);
		if (_i == MODE_GUARD && i % 2) {
			child_kill_by_pidfd(&child);
			found += stale(k);
			child_end(&child);
			by_pidfd++;
		} else {
			child_kill(&child);
			found += stale(k);
		}
	}
	printf("# %s: %d killed, %d of them known by pidfd: %d stale\n",
	       _i == MODE_GUARD ? "guard" : "fallback", DEATHS, by_pidfd, found);
	fflush(stdout);
	ck_assert_int_eq(found, 0);
	kreg_close(k);
}
END_TEST

int main(void)
{
	const TTest *const both[] = { a_known_death_is_seen_by_all_lookups, NULL };

	return modes_run(suite_create("freshness"), tcase_create("both"), both, NULL, NULL);
}
