/* SPDX-License-Identifier: MIT */
/*
 * etcd is restored from an earlier snapshot: what it has lost is written again, what it has again is deleted again, and
 * nobody is without a name meanwhile that its process has.
 */
#include <check.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "tests/support/child.h"
#include "tests/support/cluster.h"
#include "tests/support/unit.h"

static char saved[512];

static void begin(void)
{
	bridges_begin(3);
	snprintf(saved, sizeof(saved), "%s/saved", hosts[0].folder);
}

#define LOST 12
#define AFTER 40

/* One after the other, so that each has a revision of its own. */
static void put_many(const char *what, int count)
{
	char key[32];
	int i;

	for (i = 0; i < count; i++) {
		snprintf(key, sizeof(key), "prod/%s-%d", what, i);
		ck_assert_int_eq(host_put(0, key, "x"), 0);
		AWAIT(host_has(2, key, "x"));
	}
}

/* Events of @listener that say that a name has ended, but for @again. */
static int ends_of_names(struct kreg_listener *listener, const char *again)
{
	struct kreg_event event;
	int count = 0;

	while (kreg_listener_next(listener, &event) > 0) {
		ck_assert_uint_ne(event.type, KREG_EVENT_OVERRUN);
		if (event.entry.key_size < 5 || memcmp(event.entry.key, "prod/", 5) ||
		    (event.entry.key_size == strlen(again) &&
		     !memcmp(event.entry.key, again, strlen(again))))
			continue;
		count += event.type == KREG_EVENT_UNREGISTER || event.type == KREG_EVENT_PURGE;
	}
	return count;
}

START_TEST(names_stay_found_and_what_etcd_has_of_then_goes_again)
{
	struct kreg_listener *listeners[HOSTS];
	uint64_t until;
	int i;

	begin();
	ck_assert_int_eq(host_put(0, "prod/old", "old"), 0);
	ck_assert_int_eq(host_put(0, "prod/moved", "then"), 0);
	ck_assert_int_eq(host_put(1, "prod/b", "b"), 0);
	AWAIT(host_has(2, "prod/old", "old") && host_has(1, "prod/moved", "then") &&
	      host_has(2, "prod/moved", "then") && host_has(0, "prod/b", "b"));
	members_save(saved);
	host_drop(0, "prod/old");
	ck_assert_int_ge(kreg_update(hosts[0].k, "prod/moved", KREG_STRING, "now", 3, NULL, 0), 0);
	ck_assert_int_eq(host_put(0, "prod/new", "new"), 0);
	/* More revisions than it takes to write them again. */
	put_many("lost", LOST);
	ck_assert_int_eq(host_put(2, "prod/c", "c"), 0);
	AWAIT(host_has(1, "prod/new", "new") && host_has(1, "prod/lost-11", "x") &&
	      host_has(1, "prod/c", "c") && host_has(0, "prod/c", "c") &&
	      host_lacks(1, "prod/old") && host_lacks(2, "prod/old"));
	for (i = 0; i < HOSTS; i++)
		ck_assert_int_eq(kreg_listen(&listeners[i], hosts[i].k, NULL, 0), 0);

	members_restore(saved);
	for (i = 0; i < HOSTS; i++)
		AWAIT(bridge_has_said(i, "etcd was restored"));
	/* Also when what was kept is compared. */
	until = clock_after_ms(2000 * HOST_TTL);
	while (clock_now() < until) {
		ck_assert(host_has(0, "prod/new", "new") && host_has(1, "prod/new", "new") &&
			  host_has(2, "prod/new", "new") && host_has(1, "prod/c", "c") &&
			  host_has(0, "prod/b", "b") && host_has(0, "prod/moved", "now"));
		pause_ms(5);
	}
	AWAIT(host_lacks(1, "prod/old") && host_lacks(2, "prod/old") &&
	      host_has(1, "prod/moved", "now") && host_has(2, "prod/moved", "now"));
	for (i = 0; i < HOSTS; i++) {
		ck_assert_int_eq(ends_of_names(listeners[i], "prod/old"), 0);
		ck_assert_int_eq(kreg_count(hosts[i].k), kreg_count(hosts[0].k));
		kreg_listener_close(listeners[i]);
	}
	/* And it goes on. */
	ck_assert_int_eq(host_put(2, "prod/more", "m"), 0);
	AWAIT(host_has(0, "prod/more", "m") && host_has(1, "prod/more", "m"));
	cluster_end();
}
END_TEST

/* The last change that the bridge has seen: @_i: a name that ended. */
START_TEST(one_that_has_gone_on_further_than_a_bridge_knows_is_recognized)
{
	begin();
	bridge_kill(1);
	/* Its lease outlives the pause, so nothing else tells it to read all. */
	bridge_start(1, "--ttl 60");
	ck_assert_int_eq(host_put(0, "prod/first", "1"), 0);
	AWAIT(host_has(1, "prod/first", "1"));
	members_save(saved);
	put_many("lost", LOST);
	if (_i)
		host_drop(0, "prod/lost-0");
	AWAIT(host_has(1, "prod/lost-11", "x") && host_lacks(1, "prod/lost-0") == (_i > 0));

	kill(hosts[1].bridge, SIGSTOP);
	members_restore(saved);
	AWAIT(bridge_has_said(0, "etcd was restored") && bridge_has_said(2, "etcd was restored"));
	/* Among the revisions that the stopped one has seen otherwise; and then beyond them. */
	ck_assert_int_eq(host_put(0, "prod/missed", "m"), 0);
	AWAIT(host_has(2, "prod/missed", "m"));
	put_many("after", AFTER);
	ck_assert(!bridge_has_said(1, "etcd was restored"));
	kill(hosts[1].bridge, SIGCONT);
	AWAIT(host_has(1, "prod/after-39", "x") && host_has(1, "prod/missed", "m"));
	ck_assert(bridge_has_said(1, "etcd was restored"));
	ck_assert_int_eq(kreg_count(hosts[1].k), kreg_count(hosts[2].k));
	cluster_end();
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("etcd_restored");
	TCase *tcase = tcase_create("restored");

	cluster_needs(NULL);
	tcase_set_timeout(tcase, 180);
	tcase_add_test(tcase, names_stay_found_and_what_etcd_has_of_then_goes_again);
	tcase_add_loop_test(tcase, one_that_has_gone_on_further_than_a_bridge_knows_is_recognized,
			    0, 2);
	suite_add_tcase(suite, tcase);
	return unit_run_suite(suite);
}
