/* SPDX-License-Identifier: MIT */
/*
 * Bridges whose registries are under a guard: names end elsewhere with their process; a guard that is stopped or started
 * while a bridge runs.
 */
#include <check.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>

#include "bpf/guard.h"
#include "tests/support/child.h"
#include "tests/support/cluster.h"
#include "tests/support/guard.h"
#include "tests/support/unit.h"

#define TIMES 20

/* A process of host 0 with a name. */
static int hold(int link, void *data)
{
	KREG_OPTIONS(options, .directory = hosts[0].folder, .guard = mode_guard(MODE_GUARD));
	struct kreg *k;

	if (kreg_open(&k, "default", &options) ||
	    kreg_register(k, data, KREG_STRING, "held", 4, NULL))
		return 1;
	link_say(link, 0);
	link_hear(link);
	return 0;
}

static void assert_life(int host, uint32_t life)
{
	KREG_STRUCT(kreg_stat, stat, .life = 0);

	ck_assert_int_eq(kreg_stat(hosts[host].k, &stat), 0);
	ck_assert_uint_eq(stat.life, life);
}

START_TEST(a_process_or_a_bridge_that_is_killed_is_absent_elsewhere)
{
	double absent[TIMES];
	char key[32];
	int i;

	cluster_guard(mode_guard(_i));
	bridges_begin(2);
	assert_life(0, KREG_LIFE_GUARD);
	ck_assert_int_eq(host_put(0, "prod/a", "a"), 0);
	for (i = 0; i < TIMES; i++) {
		struct child child;
		uint64_t at;

		snprintf(key, sizeof(key), "prod/held-%d", i);
		child = child_start_ready(hold, key);
		AWAIT(host_has(1, key, "held"));
		kill(child.pid, SIGKILL);
		at = clock_now();
		AWAIT(host_lacks(1, key));
		absent[i] = ms_since(at);
		child_kill(&child);
	}
	print_times("from kill -9 to absent elsewhere, under a guard", absent, TIMES);
	ck_assert(host_has(1, "prod/a", "a") && host_sees(1, "prod/a", 0));
	/* The bridge's own names, those of others, end with it. */
	bridge_kill(1);
	ck_assert(host_lacks(1, "prod/a"));
	bridge_start(1, NULL);
	AWAIT(host_has(1, "prod/a", "a"));
	bridge_kill(0);
	ck_assert(host_has(0, "prod/a", "a"));
	AWAIT(host_lacks(1, "prod/a"));
	bridge_start(0, NULL);
	AWAIT(host_has(1, "prod/a", "a"));
	ck_assert_int_eq(kreg_check(hosts[1].k, NULL, NULL), 0);
	cluster_end();
}
END_TEST

static void await_end(int host)
{
	int status = 0;

	AWAIT(waitpid(hosts[host].bridge, &status, WNOHANG) == hosts[host].bridge);
	ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 1);
	hosts[host].bridge = 0;
}

START_TEST(a_guard_is_stopped_while_bridges_run)
{
	struct guard_options second = { .path = second_guard() };
	int i;

	ck_assert_int_eq(guard_start(&second), 0);
	cluster_guard(second_guard());
	bridges_begin(2);
	assert_life(1, KREG_LIFE_GUARD);
	ck_assert_int_eq(host_put(0, "prod/a", "a"), 0);
	AWAIT(host_has(1, "prod/a", "a"));
	/* Refused: nothing changes. */
	ck_assert_int_eq(guard_stop(&second, false), -EBUSY);
	ck_assert_int_eq(host_put(1, "prod/b", "b"), 0);
	AWAIT(host_has(0, "prod/b", "b") && host_has(1, "prod/a", "a"));

	/* By force all of this host have ended: the bridge says why, and ends, to be started again. */
	ck_assert_int_eq(guard_stop(&second, true), 0);
	for (i = 0; i < 2; i++) {
		await_end(i);
		ck_assert(bridge_has_said(i, "registry \"default\": "));
		kreg_close(hosts[i].k);
		hosts[i].k = NULL;
	}
	ck_assert_int_eq(guard_start(&second), 0);
	for (i = 0; i < 2; i++)
		bridge_start(i, NULL);
	ck_assert_int_eq(host_put(0, "prod/again", "a"), 0);
	AWAIT(host_has(1, "prod/again", "a") && host_lacks(1, "prod/a"));
	cluster_end();
	ck_assert_int_eq(guard_stop(&second, true), 0);
}
END_TEST

START_TEST(a_guard_is_started_while_bridges_run)
{
	struct guard_options second = { .path = second_guard() };

	cluster_guard(second_guard());
	bridges_begin(2);
	assert_life(0, KREG_LIFE_FALLBACK);
	ck_assert_int_eq(host_put(0, "prod/a", "a"), 0);
	AWAIT(host_has(1, "prod/a", "a"));
	ck_assert_int_eq(guard_start(&second), 0);
	ck_assert_int_eq(host_put(1, "prod/b", "b"), 0);
	AWAIT(host_has(0, "prod/b", "b"));
	bridge_kill(1);
	ck_assert(host_lacks(1, "prod/a"));
	AWAIT(host_lacks(0, "prod/b"));
	cluster_end();
	ck_assert_int_eq(guard_stop(&second, true), 0);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		a_process_or_a_bridge_that_is_killed_is_absent_elsewhere,
		a_guard_is_stopped_while_bridges_run,
		a_guard_is_started_while_bridges_run,
		NULL,
	};

	cluster_needs(NULL);
	return modes_run(suite_create("etcd_guard"), NULL, NULL, tcase_create("guard"), tests);
}
