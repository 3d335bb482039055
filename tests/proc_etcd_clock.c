/* SPDX-License-Identifier: MIT */
/*
 * The wall clocks of hosts are wrong, those of bridges and those of members of etcd: names are found and kept as
 * otherwise, because no time of another host is compared with one's own. Certificates have a time: they are refused,
 * and the bridge says why.
 */
#include <check.h>
#include <signal.h>
#include <stdio.h>

#include "tests/support/child.h"
#include "tests/support/cluster.h"
#include "tests/support/unit.h"

#define DAY 86400ll

/* How far the clocks of the three hosts are ahead. */
static const long long clocks[][HOSTS] = {
	{ 3600, -3600, 0 },
	{ 3650 * DAY, -3650 * DAY, 1 },
};

static void set_clocks(const long long *ahead)
{
	int i;

	for (i = 0; i < HOSTS; i++)
		hosts[i].ahead = ahead[i];
}

START_TEST(names_are_found_and_kept_and_end)
{
	uint64_t until;
	int i;

	cluster_begin();
	set_clocks(clocks[_i]);
	members_begin();
	for (i = 0; i < HOSTS; i++)
		bridge_start(i, NULL);
	ck_assert_int_eq(host_put(0, "prod/a", "a"), 0);
	ck_assert_int_eq(host_put(1, "prod/b", "b"), 0);
	ck_assert_int_eq(host_put(2, "prod/c", "c"), 0);
	AWAIT(host_has(1, "prod/a", "a") && host_has(2, "prod/a", "a") &&
	      host_has(0, "prod/b", "b") && host_has(2, "prod/b", "b") &&
	      host_has(0, "prod/c", "c") && host_has(1, "prod/c", "c"));
	/* Longer than a lease. */
	until = clock_after_ms(2500 * HOST_TTL);
	while (clock_now() < until) {
		ck_assert(host_has(1, "prod/a", "a") && !host_is_stale(1, "prod/a"));
		ck_assert(host_has(0, "prod/b", "b") && !host_is_stale(0, "prod/b"));
		ck_assert(host_has(2, "prod/a", "a") && host_has(0, "prod/c", "c"));
		pause_ms(5);
	}
	for (i = 0; i < HOSTS; i++)
		ck_assert(!bridge_has_said(i, "does not know the lease"));
	/* The leader's clock is another one then. */
	member_kill(members_leader());
	host_drop(0, "prod/a");
	AWAIT(host_lacks(1, "prod/a") && host_lacks(2, "prod/a"));
	bridge_kill(1);
	AWAIT(host_lacks(0, "prod/b") && host_lacks(2, "prod/b"));
	ck_assert(host_has(1, "prod/b", "b"));
	cluster_end();
}
END_TEST

/* A bridge of @host with the right certificate, whose clock is @ahead. */
static void start_secure(int host, long long ahead)
{
	const char *folder = hosts[0].folder;
	char options[2048];

	hosts[host].ahead = ahead;
	snprintf(options, sizeof(options),
		 "--endpoint https://10.77.0.1:2379 --ca %s/secure/ca.pem --cert "
		 "%s/secure/client.pem --key %s/secure/client.key",
		 folder, folder, folder);
	bridge_start_with(host, options);
}

START_TEST(certificates_that_are_over_are_refused_with_the_reason)
{
	cluster_begin();
	if (cluster_lacks_openssl()) {
		unit_skip("openssl is missing");
		cluster_end();
		return;
	}
	member_start_secure(0);
	start_secure(0, 0);
	start_secure(1, 30 * DAY);
	start_secure(2, -30 * DAY);
	AWAIT(bridge_has_said(0, "revision"));
	AWAIT(bridge_has_said(1, "certificate has expired"));
	AWAIT(bridge_has_said(2, "certificate is not yet valid"));
	ck_assert_int_eq(host_put(0, "prod/a", "a"), 0);
	ck_assert_int_eq(host_put(1, "prod/b", "b"), 0);
	ck_assert(!bridge_has_said(1, "revision") && !bridge_has_said(2, "revision"));
	ck_assert(host_has(1, "prod/b", "b") && host_lacks(1, "prod/a") && host_lacks(0, "prod/b"));
	/* Some seconds are within the time of a certificate. */
	bridge_kill(1);
	start_secure(1, 3600);
	AWAIT(host_has(0, "prod/b", "b") && host_has(1, "prod/a", "a"));

	/*
	 * The clock of etcd: it refuses the bridge's certificate, by an alert that the bridge reads or not, as the
	 * connection is reset behind it.
	 */
	member_kill(0);
	hosts[0].ahead = 30 * DAY;
	member_start_again_secure(0);
	bridge_kill(0);
	start_secure(0, 0);
	AWAIT(bridge_has_said(0, "it may refuse the certificate of this host"));
	ck_assert(host_has(0, "prod/a", "a"));
	cluster_end();
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("etcd_clock");
	TCase *tcase = tcase_create("clocks");

	cluster_needs(cluster_lacks_clocks());
	tcase_set_timeout(tcase, 180);
	tcase_add_loop_test(tcase, names_are_found_and_kept_and_end, 0,
			    sizeof(clocks) / sizeof(clocks[0]));
	tcase_add_test(tcase, certificates_that_are_over_are_refused_with_the_reason);
	suite_add_tcase(suite, tcase);
	return unit_run_suite(suite);
}
