/* SPDX-License-Identifier: MIT */
/*
 * What bridges of three hosts say of themselves in the registry of each, as `regtool cluster` and `regtool doctor` read
 * it: it is so, it follows what happens, and it is there exactly as long as the bridge is.
 */
#include <check.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "tests/support/child.h"
#include "tests/support/cluster.h"
#include "tests/support/unit.h"

/* Runs regtool in the registries of @host; what it prints, with errors, is in @out. Returns its exit status. */
static int regtool(int host, const char *arguments, char *out, size_t room)
{
	const char *program = getenv("REGTOOL");
	char command[1024];
	FILE *from;
	size_t size;
	int status;

	snprintf(command, sizeof(command), "KREG_DIR=%s KREG_GUARD=none %s %s 2>&1",
		 hosts[host].folder, program ? program : "./regtool", arguments);
	from = popen(command, "re");
	ck_assert_ptr_nonnull(from);
	size = fread(out, 1, room - 1, from);
	out[size] = '\0';
	status = pclose(from);
	ck_assert(WIFEXITED(status));
	return WEXITSTATUS(status);
}

/* Whether a line of `regtool cluster` on @host is @name, spaces and @value. */
static bool is(int host, const char *name, const char *value)
{
	char out[32768], *line, *rest;
	size_t size = strlen(name);

	regtool(host, "cluster", out, sizeof(out));
	for (line = strtok_r(out, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
		if (!strncmp(line, name, size) && line[size] == ' ')
			return !strcmp(line + size + strspn(line + size, " "), value);
	}
	return false;
}

static bool says(int host, const char *arguments, const char *text)
{
	char out[32768];

	regtool(host, arguments, out, sizeof(out));
	return strstr(out, text);
}

START_TEST(it_has_members_names_and_conflicts)
{
	char out[32768];

	bridges_begin(2);
	ck_assert_int_eq(host_put(0, "prod/a", "a"), 0);
	ck_assert_int_eq(host_put(0, "prod/b", "b"), 0);
	ck_assert_int_eq(host_put(0, "test/c", "c"), 0);
	ck_assert_int_eq(host_put(1, "prod/d", "d"), 0);
	AWAIT(is(0, "exported", "2") && is(0, "imported", "1") && is(0, "known", "1"));
	AWAIT(is(1, "exported", "1") && is(1, "imported", "2") && is(1, "waiting", "0"));
	AWAIT(is(0, "touch", "in-touch") && is(0, "members", "2") && is(1, "members", "2"));
	ck_assert(is(0, "host", "h0") && is(1, "host", "h1") && is(0, "others", "current"));
	ck_assert(is(0, "writes", "2") && is(0, "lease_time", "2.000"));
	ck_assert_int_eq(regtool(0, "cluster test --names", out, sizeof(out)), 0);
	ck_assert(strstr(out, "prod/a exported -") && strstr(out, "prod/d imported h1"));
	ck_assert(!strstr(out, "test/c"));
	/* Each member is there with what etcd has of it. */
	ck_assert(strstr(out, "\nh0 ") && strstr(out, "\nh1 "));

	ck_assert(is(1, "conflicts", "0"));
	ck_assert_int_eq(host_put(1, "prod/a", "own"), 0);
	AWAIT(is(1, "conflicts", "1") && says(1, "cluster", "\nprod/a   h0\n"));
	AWAIT(says(1, "doctor --interval 0", "as \"prod/a\" of h0"));
	host_drop(1, "prod/a");
	AWAIT(is(1, "conflicts", "0"));

	/* A host that ends is no member any more. */
	bridge_kill(1);
	AWAIT(is(0, "members", "1") && is(0, "imported", "0"));
	ck_assert_int_eq(regtool(1, "cluster", out, sizeof(out)), 1);
	ck_assert_ptr_nonnull(strstr(out, "no bridge to a cluster is in registry \"default\""));
	cluster_end();
}
END_TEST

/* What is about a host alone is neither exported nor imported, whatever is chosen. */
START_TEST(namespaces_that_begin_with_a_dot_stay_on_their_host)
{
	bridges_begin(1);
	bridge_start(1, "--export '*'");
	ck_assert_int_eq(host_put(1, ".hidden/x", "x"), 0);
	ck_assert_int_eq(host_put(1, "any/x", "x"), 0);
	AWAIT(host_has(0, "any/x", "x"));
	AWAIT(is(1, "exported", "1"));
	ck_assert(host_lacks(0, ".hidden/x"));
	ck_assert_int_ne(etcdctl("get --prefix --keys-only /kreg/test/ | grep -q -e 2E -e cluster"),
			 0);
	/* One that somebody has written there. */
	ck_assert_int_eq(etcdctl("put /kreg/test/%2Ehidden/y/h9 "
				 "'{\"value\":\"QQ==\",\"uid\":1,\"pid\":1,\"start\":0}'"),
			 0);
	ck_assert_int_eq(etcdctl("put /kreg/test/any/y/h9 "
				 "'{\"value\":\"QQ==\",\"uid\":1,\"pid\":1,\"start\":0}'"),
			 0);
	AWAIT(host_has(0, "any/y", "A"));
	ck_assert(host_lacks(0, ".hidden/y"));
	AWAIT(is(0, "wrong", "1"));
	cluster_end();
}
END_TEST

START_TEST(it_says_when_the_host_is_cut_off_and_when_it_is_back)
{
	char out[32768];

	bridges_begin(2);
	ck_assert_int_eq(host_put(0, "prod/a", "a"), 0);
	AWAIT(is(1, "imported", "1") && is(1, "touch", "in-touch"));
	link_set(1, false);
	AWAIT(is(1, "touch", "cut-off"));
	AWAIT(is(1, "others", "gone") && is(1, "imported", "0"));
	ck_assert_int_eq(regtool(1, "doctor --interval 0 -q", out, sizeof(out)), 1);
	ck_assert_ptr_nonnull(strstr(out, "failure cluster default: the bridge to test"));
	ck_assert(!is(1, "failures", "0") && !is(1, "error", "-"));
	/* The others are in touch, once etcd has another leader, if that was the one of this host. */
	AWAIT(is(0, "touch", "in-touch"));
	link_set(1, true);
	AWAIT(is(1, "touch", "in-touch") && is(1, "imported", "1") && is(1, "others", "current"));
	cluster_end();
}
END_TEST

/* The bridge itself can say nothing then: a reader sees it by the time at which the lease ends. */
START_TEST(it_says_when_the_bridge_does_not_run)
{
	bridges_begin(1);
	AWAIT(is(0, "touch", "in-touch"));
	kill(hosts[0].bridge, SIGSTOP);
	AWAIT(is(0, "touch", "cut-off") && is(0, "lease_left", "0.000"));
	ck_assert(says(0, "doctor --interval 0 -q", "failure cluster default: the bridge to test"));
	kill(hosts[0].bridge, SIGCONT);
	AWAIT(is(0, "touch", "in-touch"));
	cluster_end();
}
END_TEST

START_TEST(it_counts_an_etcd_that_begins_again)
{
	char revision[32];
	int i;

	bridges_begin(1);
	ck_assert_int_eq(host_put(0, "prod/a", "a"), 0);
	/* An etcd that begins again is known by its revision, which is not to come up to this one at once. */
	for (i = 0; i < 40; i++)
		ck_assert_int_eq(etcdctl("put /kreg/test/.later/x y"), 0);
	snprintf(revision, sizeof(revision), "%llu", etcd_revision());
	AWAIT(is(0, "revision", revision) && is(0, "writes", "1") && is(0, "members", "1"));
	ck_assert(is(0, "restores", "0"));
	/* Stopped meanwhile, the bridge learns of the lost lease and of the lower revision in any order. */
	kill(hosts[0].bridge, SIGSTOP);
	for (i = 0; i < HOSTS; i++) {
		member_kill(i);
		member_forget(i);
	}
	members_begin();
	kill(hosts[0].bridge, SIGCONT);
	AWAIT(is(0, "restores", "1") && is(0, "touch", "in-touch") && is(0, "members", "1"));
	cluster_end();
}
END_TEST

START_TEST(names_that_a_holder_keeps_without_a_bridge_are_said)
{
	char more[400], out[32768];

	bridges_begin(1);
	snprintf(more, sizeof(more), "--grace 60 --run %s", hosts[1].folder);
	bridge_start(1, more);
	ck_assert_int_eq(host_put(0, "prod/a", "a"), 0);
	AWAIT(host_has(1, "prod/a", "a") && is(1, "imported", "1"));
	ck_assert(says(1, "cluster --names", "prod/a imported h0"));
	bridge_kill(1);
	AWAIT(host_is_stale(1, "prod/a"));
	ck_assert_int_eq(regtool(1, "cluster", out, sizeof(out)), 1);
	ck_assert_ptr_nonnull(strstr(out, "1 names of other hosts are stale"));
	ck_assert_int_eq(regtool(1, "doctor --interval 0 -q", out, sizeof(out)), 5);
	ck_assert_ptr_nonnull(strstr(out, "warning cluster default: 1 names of other hosts are"));
	bridge_start(1, more);
	AWAIT(is(1, "touch", "in-touch") && is(1, "imported", "1"));
	ck_assert(!says(1, "doctor --interval 0 -q", "are stale"));
	cluster_end();
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("etcd_state");
	TCase *tcase = tcase_create("state");

	cluster_needs(NULL);
	tcase_set_timeout(tcase, 120);
	tcase_add_test(tcase, it_has_members_names_and_conflicts);
	tcase_add_test(tcase, namespaces_that_begin_with_a_dot_stay_on_their_host);
	tcase_add_test(tcase, it_says_when_the_host_is_cut_off_and_when_it_is_back);
	tcase_add_test(tcase, it_says_when_the_bridge_does_not_run);
	tcase_add_test(tcase, it_counts_an_etcd_that_begins_again);
	tcase_add_test(tcase, names_that_a_holder_keeps_without_a_bridge_are_said);
	suite_add_tcase(suite, tcase);
	return unit_run_suite(suite);
}
