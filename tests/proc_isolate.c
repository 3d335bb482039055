/* SPDX-License-Identifier: MIT */
/*
 * Isolated tests: a namespace and services of their own, not visible to others, and
 * nothing left of them.
 *
 * KREG_ENVIRONMENTS=200 is the long run.
 */
#include <check.h>
#include <errno.h>
#include <kreg-check.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "shm/row.h"
#include "tests/support/child.h"
#include "tests/support/guard.h"
#include "tests/support/program.h"
#include "tests/support/tmp.h"
#include "tests/support/unit.h"
#include "base/process.h"

/* A sanitizer's processes take too much memory for so many. */
#if defined(__SANITIZE_ADDRESS__)
#define ENVIRONMENTS 20u
#else
#define ENVIRONMENTS 100u
#endif
#define ENVIRONMENTS_MAX 400
#define SERVICES 3

static struct kreg *k;
static int mode, environments;

static const char *const roles[SERVICES] = { "config_server", "event_store", "telemetry" };

/* Three services whose values name their owner. */
struct tree {
	char value[32];
	const char *argv[3];
	struct kreg_start start;
	struct kreg_supervised services[SERVICES];
	struct kreg_supervision what;
};

static struct kreg_supervision *tree_of(struct tree *tree, int64_t number, const char *program)
{
	int i;

	*tree = (struct tree){ .argv = { PROGRAM, program, NULL } };
	snprintf(tree->value, sizeof(tree->value), "of %ld", (long)number);
	tree->start = (struct kreg_start){ .size = sizeof(tree->start), .argv = tree->argv };
	tree->start.value = tree->value;
	tree->start.value_size = strlen(tree->value);
	for (i = 0; i < SERVICES; i++) {
		tree->services[i] = (struct kreg_supervised){ .size = sizeof(tree->services[i]) };
		tree->services[i].role = roles[i];
		tree->services[i].start = &tree->start;
		tree->services[i].stop_ms = 100;
	}
	tree->what = (struct kreg_supervision){ .size = sizeof(tree->what) };
	tree->what.services = tree->services;
	tree->what.count = SERVICES;
	return &tree->what;
}

static int count_one(const struct kreg_service *service, void *data)
{
	*(int *)data += strcmp(service->role, KREG_ROLE_SUPERVISOR) != 0;
	return 0;
}

static int services_in(const char *space)
{
	int count = 0;

	ck_assert_int_eq(kreg_service_each(k, space, count_one, &count), 0);
	return count;
}

/* Whether exactly these three services exist, and belong to @number. */
static bool has_own(const char *space, int64_t number)
{
	struct tree wanted;
	char value[32];
	int i;

	tree_of(&wanted, number, "sleep");
	for (i = 0; i < SERVICES; i++) {
		ssize_t size = kreg_service_lookup(k, space, roles[i], value, sizeof(value), NULL);

		if (size != (ssize_t)strlen(wanted.value) ||
		    memcmp(value, wanted.value, (size_t)size))
			return false;
	}
	return services_in(space) == SERVICES;
}

/*
 * A test process: reports what it finds when all are up, and at the end the result of
 * kreg_isolation_end(), or how many services that has left.
 */
static int be_test(int link, void *data)
{
	int64_t number = *(int *)data;
	struct kreg_isolation *isolation;
	char space[64];
	struct tree tree;
	int err;

	k = mode_open(mode, "isolate");
	err = kreg_isolate(&isolation, k, tree_of(&tree, number, "sleep"), NULL, 0);
	link_say(link, err);
	if (err || link_hear(link) == INT64_MIN)
		return 1;
	snprintf(space, sizeof(space), "%s", kreg_isolation_space(isolation));
	link_say(link, has_own(space, number));
	if (link_hear(link) == INT64_MIN)
		return 1;
	err = kreg_isolation_end(isolation);
	link_say(link, err ? err : services_in(space));
	kreg_close(k);
	return 0;
}

struct pids {
	pid_t pid[ENVIRONMENTS_MAX * SERVICES];
	int count;
};

static int note_pid(const struct kreg_service *service, void *data)
{
	struct pids *pids = data;

	if (strcmp(service->role, KREG_ROLE_SUPERVISOR))
		pids->pid[pids->count++] = service->owner.pid;
	return 0;
}

/* Returns when each has found its own services; @pids: those of all services. */
static void start_all(struct child *tests, struct pids *pids)
{
	int i;

	for (i = 0; i < environments; i++)
		tests[i] = child_start(be_test, &i);
	for (i = 0; i < environments; i++)
		ck_assert_int_eq(link_hear(tests[i].link), 0);
	/* Each with a supervisor. */
	ck_assert_int_eq(kreg_count(k), environments * (SERVICES + 1));
	ck_assert_int_eq(services_in(NULL), environments * SERVICES);
	for (i = 0; i < environments; i++)
		link_say(tests[i].link, 0);
	for (i = 0; i < environments; i++)
		ck_assert_int_eq(link_hear(tests[i].link), 1);
	pids->count = 0;
	ck_assert_int_eq(kreg_service_each(k, NULL, note_pid, pids), 0);
	ck_assert_int_eq(pids->count, environments * SERVICES);
}

static void none_is_left(const struct pids *pids)
{
	int i;

	ck_assert_int_eq(kreg_count(k), 0);
	ck_assert_int_eq(services_in(NULL), 0);
	for (i = 0; i < pids->count; i++) {
		while (process_start(pids->pid[i]))
			usleep(1000);
	}
}

START_TEST(environments_see_only_their_own_services_and_leave_nothing_even_if_killed)
{
	struct child tests[ENVIRONMENTS_MAX];
	static struct pids pids;
	int i;

	mode = _i;
	environments = (int)unit_many("KREG_ENVIRONMENTS", ENVIRONMENTS);
	ck_assert_int_le(environments, ENVIRONMENTS_MAX);
	k = mode_open(mode, "isolate");
	start_all(tests, &pids);
	/* One is killed while the one before it ends. */
	for (i = 0; i < environments; i++) {
		if (i % 2)
			kill(tests[i].pid, SIGKILL);
		else
			link_say(tests[i].link, 0);
	}
	for (i = 0; i < environments; i++) {
		if (i % 2) {
			child_kill(&tests[i]);
			continue;
		}
		ck_assert_int_eq(link_hear(tests[i].link), 0);
		ck_assert_int_eq(child_end(&tests[i]), 0);
	}
	/* The kernel kills the services, and it decides when they are dead. */
	while (kreg_count(k))
		usleep(1000);
	none_is_left(&pids);
	kreg_close(k);
}
END_TEST

START_TEST(production_is_neither_touched_nor_seen)
{
	struct kreg_isolation *isolation;
	struct tree tree;
	const char *space;

	mode = _i;
	k = mode_open(mode, "isolate");
	ck_assert_int_eq(kreg_service_register(k, "production", "config_server", "x", 1, NULL), 0);
	ck_assert_int_eq(kreg_isolate(&isolation, k, tree_of(&tree, 7, "sleep"), NULL, 0), 0);
	space = kreg_isolation_space(isolation);
	ck_assert_int_eq(strncmp(space, "test.", 5), 0);
	ck_assert(has_own(space, 7));
	ck_assert_int_eq(services_in("production"), 1);
	ck_assert_int_eq(kreg_supervisor_state(kreg_isolation_supervisor(isolation)), 0);
	ck_assert_int_eq(kreg_isolation_end(isolation), 0);
	ck_assert_int_eq(kreg_service_lookup(k, "production", "config_server", NULL, 0, NULL), 1);
	ck_assert_int_eq(kreg_count(k), 1);
	kreg_close(k);
}
END_TEST

START_TEST(the_end_stops_every_process_in_the_namespace_even_if_it_ignores_sigterm)
{
	KREG_START(more, .argv = (const char *const[]){ PROGRAM, "sleep", NULL });
	struct kreg_started started = { .size = sizeof(started) };
	struct kreg_isolation *isolation;
	struct tree tree;
	char space[64];

	mode = _i;
	k = mode_open(mode, "isolate");
	ck_assert_int_eq(kreg_isolate(&isolation, k, tree_of(&tree, 7, "stubborn"), NULL, 0), 0);
	snprintf(space, sizeof(space), "%s", kreg_isolation_space(isolation));
	ck_assert_int_eq(kreg_service_register(k, space, "test", NULL, 0, NULL), 0);
	ck_assert_int_eq(kreg_service_start(k, space, "extra", &more, &started), 0);
	ck_assert_int_eq(services_in(space), SERVICES + 2);
	ck_assert_int_eq(kreg_isolation_end(isolation), 0);
	ck_assert_int_eq(services_in(space), 0);
	ck_assert_int_eq(kreg_count(k), 0);
	ck_assert_int_eq(waitpid(started.child, NULL, 0), started.child);
	ck_assert_int_eq(waitpid(-1, NULL, WNOHANG), -1);
	kreg_close(k);
}
END_TEST

START_TEST(a_failed_start_leaves_no_namespace_and_names_the_role)
{
	struct kreg_isolation *isolation;
	char why[KREG_ROLE_MAX + 1];
	struct tree tree;

	mode = _i;
	k = mode_open(mode, "isolate");
	tree_of(&tree, 7, "sleep");
	tree.argv[0] = "/no/such/program";
	ck_assert_int_eq(kreg_isolate(&isolation, k, &tree.what, why, sizeof(why)), -ENOEXEC);
	ck_assert_str_eq(why, roles[0]);
	ck_assert_int_eq(kreg_count(k), 0);
	tree_of(&tree, 7, "sleep")->flags = KREG_SUPERVISE_KEEP;
	ck_assert_int_eq(kreg_isolate(&isolation, k, &tree.what, why, sizeof(why)), -EINVAL);
	ck_assert_int_eq(kreg_isolation_end(NULL), 0);
	kreg_close(k);
}
END_TEST

static char services_file[256];

KREG_CHECK_ISOLATION(env, services_file)

/* As a user's test would: the fixture's functions are called around it. */
START_TEST(the_fixture_starts_the_services_of_a_file_and_stops_them)
{
	FILE *file;

	snprintf(services_file, sizeof(services_file), "%s/services-%d.ini", tmp_directory(), _i);
	file = fopen(services_file, "w");
	ck_assert_ptr_nonnull(file);
	fprintf(file, "[Service sleeper]\nExecStart=sleep 1000\nValue=from a file\n");
	fclose(file);
	setenv("KREG_DIR", tmp_directory(), 1);
	setenv("KREG_GUARD", mode_guard(_i), 1);
	env_set_up();
	ck_assert_int_eq(kreg_service_lookup(env.kreg, env.space, "sleeper", NULL, 0, NULL), 11);
	ck_assert_int_eq(kreg_count(env.kreg), 2);
	env_tear_down();
	k = mode_open(_i, "test");
	ck_assert_int_eq(kreg_count(k), 0);
	kreg_close(k);
}
END_TEST

int main(int argc, char **argv)
{
	const TTest *const both[] = {
		production_is_neither_touched_nor_seen,
		the_end_stops_every_process_in_the_namespace_even_if_it_ignores_sigterm,
		a_failed_start_leaves_no_namespace_and_names_the_role,
		the_fixture_starts_the_services_of_a_file_and_stops_them,
		environments_see_only_their_own_services_and_leave_nothing_even_if_killed,
		NULL,
	};

	program_run(argc, argv);
	return modes_run(suite_create("isolate"), tcase_create("both"), both, NULL, NULL);
}
