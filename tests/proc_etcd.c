/* SPDX-License-Identifier: MIT */
/*
 * Names of three hosts, by three bridges and three members of etcd: found elsewhere while their processes and hosts live,
 * whatever becomes of etcd, of the bridges and of the network; and what is of one host never depends on any of these.
 *
 * KREG_NAMES (10000), KREG_CHURN seconds of changes (3), KREG_KILLS of a bridge (4): for long runs.
 */
#include <check.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "tests/support/child.h"
#include "tests/support/cluster.h"
#include "tests/support/unit.h"

#define USUAL_CHURN 3
#define USUAL_KILLS 4

/* ---- equality */

struct compared {
	int host;
	int64_t wrong;
};

static int compare_entry(const struct kreg_entry *entry, void *data)
{
	struct compared *compared = data;
	static char room[KREG_VALUE_MAX];
	ssize_t size = kreg_lookup(hosts[compared->host].k, entry->key, entry->key_size, room,
				   sizeof(room), NULL);

	compared->wrong += size != (ssize_t)entry->value_size ||
			   memcmp(room, entry->value, entry->value_size) != 0;
	return 0;
}

/* Whether @other has what @host has in the namespace "prod", and no more. */
static bool are_equal(int host, int other)
{
	struct compared compared = { .host = other };
	KREG_PATTERN(prod, .prefix = "prod/", .prefix_size = 5);

	if (kreg_count_select(hosts[host].k, &prod) != kreg_count_select(hosts[other].k, &prod))
		return false;
	return !kreg_each(hosts[host].k, "prod/", 5, compare_entry, &compared) && !compared.wrong;
}

static int hold(int link, void *data)
{
	KREG_OPTIONS(options, .directory = hosts[0].folder, .guard = "none");
	struct kreg *k;
	char *key = data;

	if (kreg_open(&k, "default", &options) ||
	    kreg_register(k, key, KREG_STRING, "held", 4, NULL))
		return 1;
	link_say(link, 0);
	link_hear(link);
	return 0;
}

#define TIMES 60

START_TEST(names_are_found_on_the_others_and_absent_with_their_process)
{
	double found[TIMES], absent[TIMES], all;
	unsigned int many = unit_many("KREG_NAMES", 10000), i;
	char key[64], text[32];
	uint64_t at;

	bridges_begin(3);
	at = clock_now();
	for (i = 0; i < many; i++) {
		snprintf(key, sizeof(key), "prod/service-%u", i);
		snprintf(text, sizeof(text), "10.0.0.1:%u", i);
		ck_assert_int_eq(host_put(0, key, text), 0);
	}
	AWAIT(are_equal(0, 1) && are_equal(0, 2));
	all = ms_since(at);
	printf("# %u names on two other hosts: %.0f ms\n", many, all);
	ck_assert(host_sees(1, "prod/service-7", 0) && host_sees(2, "prod/service-7", 0));
	ck_assert_int_eq(kreg_remote_host(hosts[0].k, "prod/service-7", KREG_STRING, NULL), 0);
	ck_assert_int_eq(kreg_signal(hosts[1].k, "prod/service-7", KREG_STRING, SIGKILL), -EREMOTE);

	/* Not exported. */
	ck_assert_int_eq(host_put(0, "test/service", "x"), 0);
	ck_assert_int_eq(host_put(0, "plain", "x"), 0);
	for (i = 0; i < TIMES; i++) {
		struct child child;

		snprintf(key, sizeof(key), "prod/once-%u", i);
		at = clock_now();
		child = child_start_ready(hold, key);
		at = clock_now();
		AWAIT(host_has(1, key, "held"));
		found[i] = ms_since(at);
		kill(child.pid, SIGKILL);
		at = clock_now();
		AWAIT(host_lacks(1, key));
		absent[i] = ms_since(at);
		child_kill(&child);
	}
	print_times("from register to found elsewhere", found, TIMES);
	print_times("from kill -9 to absent elsewhere", absent, TIMES);
	AWAIT(are_equal(0, 1) && are_equal(0, 2));
	ck_assert(host_lacks(1, "test/service") && host_lacks(1, "plain"));
	cluster_end();
}
END_TEST

static int put_bytes(int host, const void *key, size_t key_size, const void *value, size_t size)
{
	return kreg_register(hosts[host].k, key, key_size, value, size, NULL);
}

START_TEST(keys_and_values_of_any_bytes_are_found_as_they_are)
{
	static unsigned char value[KREG_VALUE_MAX];
	unsigned char key[KREG_KEY_MAX];
	size_t i, size;

	bridges_begin(2);
	for (i = 0; i < sizeof(value); i++)
		value[i] = (unsigned char)(i * 7 + i / 256);
	for (i = 0; i < 256; i++) {
		memcpy(key, "prod/", 5);
		key[5] = (unsigned char)i;
		key[6] = 'x';
		key[7] = (unsigned char)i;
		ck_assert_int_eq(put_bytes(0, key, 8, value + i, i), 0);
	}
	memset(key + 5, 0xff, sizeof(key) - 5);
	ck_assert_int_eq(put_bytes(0, key, sizeof(key), value, sizeof(value)), 0);
	for (size = 6; size < 9; size++)
		ck_assert_int_eq(put_bytes(0, "prod/..//%2F", size, "", 0), 0);
	AWAIT(are_equal(0, 1));
	ck_assert_int_eq(kreg_check(hosts[1].k, NULL, NULL), 0);
	cluster_end();
}
END_TEST

START_TEST(a_name_of_this_host_is_in_front_of_others_and_never_in_their_way)
{
	bridges_begin(3);
	ck_assert_int_eq(host_put(0, "prod/web", "of 0"), 0);
	AWAIT(host_has(1, "prod/web", "of 0") && host_has(2, "prod/web", "of 0"));
	ck_assert_int_eq(host_put(1, "prod/web", "of 1"), 0);
	ck_assert(host_has(1, "prod/web", "of 1"));
	AWAIT(bridge_has_said(1, "is of this host and of host h0"));
	/* Nothing waits behind it. */
	AWAIT(host_count(1) == 1);
	/* On the third host the older one stays. */
	AWAIT(!etcdctl("get --print-value-only /kreg/test/prod/web/h1 | grep -q value"));
	ck_assert(host_has(2, "prod/web", "of 0"));
	host_drop(0, "prod/web");
	AWAIT(host_has(2, "prod/web", "of 1") && host_has(0, "prod/web", "of 1"));
	ck_assert(host_sees(0, "prod/web", 1));
	ck_assert_int_eq(host_put(0, "prod/web", "new"), 0);
	host_drop(1, "prod/web");
	AWAIT(host_has(1, "prod/web", "new") && host_has(2, "prod/web", "new"));
	cluster_end();
}
END_TEST

START_TEST(a_host_that_is_cut_off_is_gone_for_others_and_they_for_it)
{
	uint64_t at;

	bridges_begin(2);
	bridge_start(2, "--grace 3");
	ck_assert_int_eq(host_put(0, "prod/a", "a"), 0);
	ck_assert_int_eq(host_put(2, "prod/c", "c"), 0);
	AWAIT(host_has(2, "prod/a", "a") && host_has(0, "prod/c", "c"));
	link_set(2, false);
	at = clock_now();
	AWAIT(host_lacks(0, "prod/c"));
	printf("# from link down to absent elsewhere: %.0f ms, with a lease of %d s\n",
	       ms_since(at), HOST_TTL);
	AWAIT(host_lacks(1, "prod/c"));
	AWAIT(host_is_stale(2, "prod/a"));
	ck_assert(host_has(2, "prod/a", "a"));
	AWAIT(host_lacks(2, "prod/a"));
	/* What is of the host alone goes on. */
	ck_assert(host_has(2, "prod/c", "c"));
	ck_assert_int_eq(host_put(2, "prod/more", "m"), 0);
	host_drop(2, "prod/c");
	host_drop(0, "prod/a");
	ck_assert_int_eq(host_put(0, "prod/b", "b"), 0);
	link_set(2, true);
	AWAIT(host_has(2, "prod/b", "b") && !host_is_stale(2, "prod/b") && host_lacks(2, "prod/a"));
	AWAIT(host_has(0, "prod/more", "m") && host_has(1, "prod/more", "m") &&
	      host_lacks(0, "prod/c"));
	cluster_end();
}
END_TEST

/* Changes names of host 0 for @seconds, a thousand times a second. */
static void churn(unsigned int seconds)
{
	uint64_t begin_at = clock_now();
	unsigned int i, late = 0;
	char key[32], value[32];

	for (i = 0; i < seconds * 1000; i++) {
		uint64_t due = begin_at + i * 1000000ull;
		struct timespec left = clock_left(due);

		snprintf(key, sizeof(key), "prod/%u", (i * 7919u) % 500);
		snprintf(value, sizeof(value), "%u", i);
		if (host_put(0, key, value) == -EEXIST) {
			if (i % 3)
				host_drop(0, key);
			else
				ck_assert_int_ge(kreg_update(hosts[0].k, key, KREG_STRING, value,
							     KREG_STRING, NULL, 0),
						 0);
		}
		if (clock_now() < due)
			nanosleep(&left, NULL);
		else
			late++;
	}
	printf("# %u changes in %.1f s, %u of them late\n", i, ms_since(begin_at) / 1000, late);
}

START_TEST(after_many_changes_both_sides_are_equal)
{
	bridges_begin(3);
	churn(unit_many("KREG_CHURN", USUAL_CHURN));
	AWAIT(are_equal(0, 1) && are_equal(0, 2));
	cluster_end();
}
END_TEST

START_TEST(etcd_loses_its_leader_and_its_majority)
{
	int leader, other;

	bridges_begin(3);
	ck_assert_int_eq(host_put(0, "prod/a", "a"), 0);
	AWAIT(host_has(1, "prod/a", "a") && host_has(2, "prod/a", "a"));
	leader = members_leader();
	member_kill(leader);
	host_drop(0, "prod/a");
	ck_assert_int_eq(host_put(0, "prod/b", "b"), 0);
	AWAIT(host_has(1, "prod/b", "b") && host_has(2, "prod/b", "b") && host_lacks(1, "prod/a"));

	other = (leader + 1) % HOSTS;
	member_kill(other);
	ck_assert_int_eq(host_put(0, "prod/c", "c"), 0);
	host_drop(0, "prod/b");
	AWAIT(host_lacks(1, "prod/b") && host_lacks(2, "prod/b"));
	ck_assert(host_has(0, "prod/c", "c"));
	member_start(leader);
	member_start(other);
	/* A write that was underway when the majority was lost may come first, by itself. */
	AWAIT(host_has(1, "prod/c", "c") && host_has(2, "prod/c", "c") && host_lacks(1, "prod/b"));
	churn(1);
	AWAIT(are_equal(0, 1) && are_equal(0, 2));
	cluster_end();
}
END_TEST

START_TEST(etcd_is_compacted_or_begins_again)
{
	char command[64];
	int i;

	bridges_begin(2);
	ck_assert_int_eq(host_put(0, "prod/a", "a"), 0);
	ck_assert_int_eq(host_put(1, "prod/b", "b"), 0);
	AWAIT(host_has(1, "prod/a", "a") && host_has(0, "prod/b", "b"));

	/* The bridge of host 1 misses a deletion that is compacted away. */
	kill(hosts[1].bridge, SIGSTOP);
	host_drop(0, "prod/a");
	AWAIT(etcdctl("get --print-value-only /kreg/test/prod/a/h0 | grep -q value"));
	for (i = 0; i < HOSTS; i++)
		member_kill(i);
	for (i = 0; i < HOSTS; i++)
		member_start(i);
	members_await();
	snprintf(command, sizeof(command), "compaction --physical %llu", etcd_revision());
	ck_assert_int_eq(etcdctl(command), 0);
	kill(hosts[1].bridge, SIGCONT);
	AWAIT(host_lacks(1, "prod/a"));
	AWAIT(host_has(0, "prod/b", "b"));

	/* All that etcd had is gone. */
	for (i = 0; i < HOSTS; i++) {
		member_kill(i);
		member_forget(i);
	}
	ck_assert_int_eq(host_put(0, "prod/c", "c"), 0);
	members_begin();
	AWAIT(host_has(1, "prod/c", "c") && host_has(0, "prod/b", "b") &&
	      !host_is_stale(0, "prod/b"));
	AWAIT(are_equal(0, 1));
	cluster_end();
}
END_TEST

START_TEST(a_bridge_that_is_killed_takes_the_names_of_others_with_it)
{
	unsigned int kills = unit_many("KREG_KILLS", USUAL_KILLS), i;

	bridges_begin(3);
	ck_assert_int_eq(host_put(0, "prod/a", "a"), 0);
	ck_assert_int_eq(host_put(1, "prod/b", "b"), 0);
	for (i = 0; i < kills; i++) {
		AWAIT(host_has(1, "prod/a", "a"));
		pause_ms((unsigned int)(rand() % 300));
		bridge_kill(1);
		ck_assert(host_lacks(1, "prod/a") && host_has(1, "prod/b", "b"));
		if (i % 2) {
			host_drop(0, "prod/a");
			ck_assert_int_eq(host_put(0, "prod/a", "a"), 0);
		}
		if (i % 3 == 2)
			AWAIT(host_lacks(0, "prod/b"));
		/* Also one that has not read all of etcd yet, or not even has its lease. */
		bridge_start(1, NULL);
		pause_ms((unsigned int)(rand() % 100));
		bridge_kill(1);
		ck_assert(host_has(1, "prod/b", "b"));
		bridge_start(1, NULL);
		AWAIT(host_has(0, "prod/b", "b"));
	}
	AWAIT(are_equal(0, 1) && are_equal(0, 2));
	cluster_end();
}
END_TEST

START_TEST(a_holder_keeps_the_names_of_others_until_a_bridge_is_there_again)
{
	struct kreg_owner before, after;
	char more[400];

	bridges_begin(1);
	snprintf(more, sizeof(more), "--grace 3 --run %s", hosts[1].folder);
	bridge_start(1, more);
	ck_assert_int_eq(host_put(0, "prod/a", "a"), 0);
	ck_assert_int_eq(host_put(0, "prod/b", "b"), 0);
	AWAIT(host_has(1, "prod/a", "a") && host_has(1, "prod/b", "b"));
	ck_assert_int_eq(kreg_whereis(hosts[1].k, "prod/a", KREG_STRING, &before), 0);
	ck_assert_int_ne(before.pid, hosts[1].bridge);

	bridge_kill(1);
	ck_assert(host_has(1, "prod/a", "a"));
	AWAIT(host_is_stale(1, "prod/a") && host_is_stale(1, "prod/b"));
	host_drop(0, "prod/b");
	bridge_start(1, more);
	/* Never free, and of the same owner. */
	AWAIT((ck_assert(host_has(1, "prod/a", "a")),
	       !host_is_stale(1, "prod/a") && host_lacks(1, "prod/b")));
	ck_assert_int_eq(kreg_whereis(hosts[1].k, "prod/a", KREG_STRING, &after), 0);
	ck_assert_uint_eq(after.token, before.token);

	/* A name of this host is in front of it also then. */
	bridge_kill(1);
	ck_assert_int_eq(host_put(1, "prod/a", "own"), 0);
	ck_assert(host_has(1, "prod/a", "own"));
	host_drop(1, "prod/a");
	AWAIT(host_lacks(1, "prod/a"));
	cluster_end();
}
END_TEST

START_TEST(what_is_not_the_bridges_in_etcd_is_ignored_and_nothing_is_lost)
{
	static const char *const wrong[] = {
		"prod/web/h9 nonsense",
		"prod/web/h9 '{\"value\":1,\"uid\":0,\"pid\":1,\"start\":0}'",
		"prod/web/h9 '{\"value\":\"QQ\",\"uid\":0,\"pid\":1,\"start\":0}'",
		"prod/web/h9 '{\"value\":\"QQ==\",\"uid\":-1,\"pid\":1,\"start\":0}'",
		"prod/web/h9 '[]'",
		"prod/web '{}'",
		"prod//h9 '{}'",
		"prod/%zz/h9 '{}'",
		"prod/%61/h9 '{}'",
		"prod/a/.. '{}'",
		"prod/a/b/c/d '{}'",
		".later/x '{}'",
		".members/h9 nonsense",
		"%2Ehidden/web/h9 '{\"value\":\"QQ==\",\"uid\":1,\"pid\":1,\"start\":0}'",
		"'prod/a b/h9' '{}'",
	};
	char command[512];
	size_t i;

	bridges_begin(1);
	ck_assert_int_eq(host_put(0, "prod/a", "a"), 0);
	AWAIT(!etcdctl("get --print-value-only /kreg/test/prod/a/h0 | grep -q value"));
	for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		snprintf(command, sizeof(command), "put -- /kreg/test/%s", wrong[i]);
		ck_assert_int_eq(etcdctl(command), 0);
	}
	ck_assert_int_eq(
		etcdctl("put /kreg/test/prod/right/h9 "
			"'{\"value\":\"QQ==\",\"uid\":1,\"pid\":1,\"start\":0,\"more\":[]}'"),
		0);
	AWAIT(host_has(0, "prod/right", "A"));
	/* A later word that is none leaves what was known. */
	ck_assert_int_eq(etcdctl("put /kreg/test/prod/right/h9 nonsense"), 0);
	/* Of this host others write nothing. */
	ck_assert_int_eq(etcdctl("put /kreg/test/prod/a/h0 nonsense"), 0);
	AWAIT(!etcdctl("get --print-value-only /kreg/test/prod/a/h0 | grep -q YQ=="));
	ck_assert_int_eq(etcdctl("del /kreg/test/prod/a/h0"), 0);
	AWAIT(!etcdctl("get --print-value-only /kreg/test/prod/a/h0 | grep -q YQ=="));
	ck_assert(host_has(0, "prod/right", "A") && host_lacks(0, "prod/web"));
	ck_assert(bridge_has_said(0, "is of no name") || bridge_has_said(0, "is no record"));
	ck_assert_int_eq(host_count(0), 2);
	/* One that reads all of it at its start. */
	bridge_start(1, NULL);
	AWAIT(host_has(1, "prod/a", "a"));
	ck_assert(host_lacks(1, "prod/web"));
	cluster_end();
}
END_TEST

/* Host 1's bridge has been started as one of host 0: its names are not in etcd as long as the other one lives. */
static void second_has_to_wait(void)
{
	AWAIT(bridge_has_said(1, "another bridge is in the cluster as host h0"));
	ck_assert_int_eq(host_put(1, "prod/b", "b"), 0);
	bridge_start(2, NULL);
	AWAIT(host_has(2, "prod/a", "a"));
	ck_assert(host_lacks(2, "prod/b"));
	bridge_kill(0);
	AWAIT(host_has(2, "prod/b", "b"));
	cluster_end();
}

START_TEST(two_bridges_are_not_one_host)
{
	bridges_begin(1);
	ck_assert_int_eq(host_put(0, "prod/a", "a"), 0);
	/* The same host's name from another host's network and registry. */
	bridge_start(1, "--host h0");
	second_has_to_wait();
}
END_TEST

START_TEST(two_bridges_of_two_pid_namespaces_are_not_one_host)
{
	bridges_begin(1);
	ck_assert_int_eq(host_put(0, "prod/a", "a"), 0);
	/* In another PID namespace of the same kernel, in which no process has the first one's PID. */
	bridge_start_apart(1, "--host h0");
	second_has_to_wait();
}
END_TEST

static void start_secure(int host, const char *ca, const char *certificate, const char *more)
{
	const char *folder = hosts[0].folder;
	char options[2400];

	snprintf(options, sizeof(options),
		 "--endpoint https://10.77.0.1:2379 --ca %s/secure/%s.pem --cert %s/secure/%s.pem "
		 "--key "
		 "%s/secure/%s.key %s",
		 folder, ca, folder, certificate, folder, certificate, more);
	bridge_start_with(host, options);
}

static void write_password(const char *file, const char *password)
{
	char path[512];
	FILE *out;

	snprintf(path, sizeof(path), "%s/%s", hosts[0].folder, file);
	out = fopen(path, "we");
	ck_assert_ptr_nonnull(out);
	fprintf(out, "%s\n", password);
	fclose(out);
}

static void let_in_users_only(void)
{
	static const char *const commands[] = {
		"user add root:top",
		"user add bridge:secret",
		"role add bridges",
		"role grant-permission bridges --prefix=true readwrite /kreg/test/",
		"user grant-role bridge bridges",
		"user grant-role root root",
		"auth enable",
	};
	size_t i;

	for (i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		ck_assert_int_eq(etcdctl_secure(0, commands[i]), 0);
}

START_TEST(wrong_certificates_and_passwords_are_refused_and_right_ones_are_not)
{
	char user[600], wrong[600];

	cluster_begin();
	if (cluster_lacks_openssl()) {
		unit_skip("openssl is missing");
		cluster_end();
		return;
	}
	member_start_secure(0);
	start_secure(0, "ca", "client", "");
	AWAIT(bridge_has_said(0, "revision"));
	ck_assert_int_eq(host_put(0, "prod/a", "a"), 0);
	/* An etcd that is none of ours; a host that is none of etcd's. */
	start_secure(1, "other-ca", "client", "");
	start_secure(2, "ca", "other", "");
	AWAIT(bridge_has_said(1, "certificate") &&
	      bridge_has_said(2, "it may refuse the certificate of this host"));
	ck_assert_int_eq(host_put(1, "prod/b", "b"), 0);
	ck_assert_int_eq(host_put(2, "prod/c", "c"), 0);
	ck_assert(!bridge_has_said(1, "revision") && !bridge_has_said(2, "revision"));
	bridge_kill(0);
	bridge_kill(1);
	bridge_kill(2);

	let_in_users_only();
	write_password("right", "secret");
	write_password("wrong", "guess");
	snprintf(user, sizeof(user), "--user bridge --password-file %s/right", hosts[0].folder);
	snprintf(wrong, sizeof(wrong), "--user bridge --password-file %s/wrong", hosts[0].folder);
	start_secure(1, "ca", "client", user);
	start_secure(2, "ca", "client", wrong);
	AWAIT(bridge_has_said(1, "revision"));
	AWAIT(bridge_has_said(2, "authentication failed"));
	start_secure(0, "ca", "client", user);
	AWAIT(host_has(1, "prod/a", "a") && host_has(0, "prod/b", "b"));
	ck_assert(host_lacks(0, "prod/c") && host_lacks(2, "prod/a") && host_has(2, "prod/c", "c"));
	cluster_end();
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("etcd");
	TCase *tcase = tcase_create("hosts"), *secure = tcase_create("secure");
	TCase *holder = tcase_create("holder"), *changes = tcase_create("changes");
	TCase *kills = tcase_create("kills"), *twice = tcase_create("twice");

	cluster_needs(NULL);
	tcase_set_timeout(tcase, 120);
	tcase_set_timeout(changes, 120 + 2 * unit_many("KREG_CHURN", USUAL_CHURN));
	tcase_set_timeout(kills, 120 + 10 * unit_many("KREG_KILLS", USUAL_KILLS));
	tcase_set_timeout(secure, 120);
	tcase_set_timeout(holder, 120);
	tcase_set_timeout(twice, 120);
	tcase_add_test(tcase, names_are_found_on_the_others_and_absent_with_their_process);
	tcase_add_test(tcase, keys_and_values_of_any_bytes_are_found_as_they_are);
	tcase_add_test(tcase, a_name_of_this_host_is_in_front_of_others_and_never_in_their_way);
	tcase_add_test(tcase, a_host_that_is_cut_off_is_gone_for_others_and_they_for_it);
	tcase_add_test(changes, after_many_changes_both_sides_are_equal);
	tcase_add_test(tcase, etcd_loses_its_leader_and_its_majority);
	tcase_add_test(tcase, etcd_is_compacted_or_begins_again);
	tcase_add_test(kills, a_bridge_that_is_killed_takes_the_names_of_others_with_it);
	tcase_add_test(tcase, what_is_not_the_bridges_in_etcd_is_ignored_and_nothing_is_lost);
	tcase_add_test(twice, two_bridges_are_not_one_host);
	tcase_add_test(twice, two_bridges_of_two_pid_namespaces_are_not_one_host);
	tcase_add_test(holder, a_holder_keeps_the_names_of_others_until_a_bridge_is_there_again);
	tcase_add_test(secure, wrong_certificates_and_passwords_are_refused_and_right_ones_are_not);
	suite_add_tcase(suite, tcase);
	suite_add_tcase(suite, twice);
	suite_add_tcase(suite, changes);
	suite_add_tcase(suite, kills);
	suite_add_tcase(suite, holder);
	suite_add_tcase(suite, secure);
	return unit_run_suite(suite);
}
