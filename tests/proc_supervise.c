/* SPDX-License-Identifier: MIT */
/*
 * A supervisor and its services: started in order, restarted by policy and strategy, stopped
 * in reverse, and nothing left of them. Deaths, and namespaces that are emptied, are in
 * proc_supervise_death.c.
 */
#include <check.h>
#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "tests/support/child.h"
#include "tests/support/guard.h"
#include "tests/support/program.h"
#include "tests/support/refuse.h"
#include "tests/support/tmp.h"
#include "tests/support/journal.h"
#include "tests/support/unit.h"

static struct kreg *k;
static struct journal journal;

static void open_mode(int mode)
{
	k = mode_open(mode, "supervise");
	journal_init(&journal, k);
}

static const char *const sleep_argv[] = { PROGRAM, "sleep", NULL };
static const KREG_START(sleeping, .argv = sleep_argv);
/* It reports that it ignores SIGTERM only when it does. */
static const char *const stubborn_argv[] = { "/bin/sh", "-c",
					     "trap '' TERM; echo >&9; exec sleep 100000", NULL };
static const KREG_START(stubborn, .argv = stubborn_argv, .ready = KREG_READY_FD, .ready_fd = 9);

static int supervise(struct kreg_supervision *what, struct kreg_supervisor **out, char *why)
{
	what->log = journal_log;
	what->log_data = &journal;
	return kreg_supervise(out, k, "production", what, why, why ? KREG_ROLE_MAX + 1 : 0);
}

static void close_clean(void)
{
	journal_nothing_is_left(&journal);
	kreg_close(k);
}

START_TEST(services_start_after_those_they_wait_for_and_stop_in_reverse)
{
	const struct kreg_supervised services[] = {
		SERVICE("web", sleeping, .after = AFTER("cache", "db")),
		SERVICE("log", sleeping),
		SERVICE("cache", sleeping, .after = AFTER("log")),
		SERVICE("db", sleeping),
	};
	KREG_SUPERVISION(what, .services = services, .count = 4);
	struct kreg_supervisor *supervisor;
	struct kreg_owner owner;

	open_mode(_i);
	supervisor = journal_supervise(&journal, &what, "+log1 +cache2 +db3 +web4 ");
	ck_assert_int_eq(
		kreg_service_lookup(k, "production", KREG_ROLE_SUPERVISOR, NULL, 0, &owner), 0);
	ck_assert_int_eq(owner.pid, getpid());
	ck_assert_int_eq(kreg_supervisor_state(supervisor), 0);
	kreg_supervisor_stop(supervisor);
	/* Each is gone before the next one gets SIGTERM. */
	journal_await(&journal, "-web3 -db2 -cache1 -log0 ");
	close_clean();
}
END_TEST

START_TEST(a_strategy_decides_which_services_restart_with_the_ended_one)
{
	static const struct {
		uint32_t strategy;
		const char *ends, *events;
	} cases[] = {
		{ KREG_ONE_FOR_ONE, "a", "!a3 +a4 " },
		{ KREG_REST_FOR_ONE, "a", "!a3 -d2 -c1 -b0 +a1 +b2 +d3 " },
		{ KREG_REST_FOR_ONE, "b", "!b3 -d2 -c1 +b2 +d3 " },
		{ KREG_REST_FOR_ONE, "d", "!d3 +d4 " },
		{ KREG_ONE_FOR_ALL, "b", "!b3 -d2 -c1 -a0 +a1 +b2 +d3 " },
		{ KREG_ONE_FOR_ALL, "d", "!d3 -c2 -b1 -a0 +a1 +b2 +d3 " },
	};
	/* The temporary one is not restarted, even if it was stopped because another one ended. */
	const struct kreg_supervised services[] = {
		SERVICE("a", sleeping, .restart = KREG_RESTART_PERMANENT),
		SERVICE("b", sleeping, .restart = KREG_RESTART_TRANSIENT),
		SERVICE("c", sleeping, .restart = KREG_RESTART_TEMPORARY),
		SERVICE("d", sleeping, .restart = KREG_RESTART_TRANSIENT),
	};
	KREG_SUPERVISION(what, .services = services, .count = 4);
	size_t i;

	open_mode(_i);
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct kreg_supervisor *supervisor;
		pid_t before;

		what.strategy = cases[i].strategy;
		supervisor = journal_supervise(&journal, &what, "+a1 +b2 +c3 +d4 ");
		before = journal_pid_of(&journal, cases[i].ends);
		journal_signal(&journal, cases[i].ends, SIGKILL);
		journal_await(&journal, cases[i].events);
		ck_assert_int_ne(journal_pid_of(&journal, cases[i].ends), before);
		kreg_supervisor_stop(supervisor);
		journal_forget(&journal);
		journal_nothing_is_left(&journal);
	}
	kreg_close(k);
}
END_TEST

START_TEST(a_policy_decides_after_which_ends_a_service_restarts)
{
	static const struct {
		uint32_t policy;
		int signal;
		bool is_restarted;
	} cases[] = {
		{ KREG_RESTART_PERMANENT, SIGTERM, true },
		{ KREG_RESTART_PERMANENT, SIGKILL, true },
		{ KREG_RESTART_PERMANENT, SIGUSR1, true },
		{ KREG_RESTART_PERMANENT, SIGUSR2, true },
		{ KREG_RESTART_TRANSIENT, SIGTERM, false },
		{ KREG_RESTART_TRANSIENT, SIGKILL, true },
		{ KREG_RESTART_TRANSIENT, SIGUSR1, false },
		{ KREG_RESTART_TRANSIENT, SIGUSR2, true },
		{ KREG_RESTART_TEMPORARY, SIGTERM, false },
		{ KREG_RESTART_TEMPORARY, SIGKILL, false },
		{ KREG_RESTART_TEMPORARY, SIGUSR1, false },
		{ KREG_RESTART_TEMPORARY, SIGUSR2, false },
	};
	/* Exit status 0 at SIGUSR1 and 3 at SIGUSR2. */
	static const char *const argv[] = { PROGRAM, "obey", "9", NULL };
	const KREG_START(exits, .argv = argv, .ready = KREG_READY_FD, .ready_fd = 9);
	struct kreg_supervised services[] = { SERVICE("other", sleeping),
					      SERVICE("one", sleeping) };
	KREG_SUPERVISION(what, .services = services, .count = 2, .intensity = 2);
	size_t i;

	open_mode(_i);
	services[1].start = &exits;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct kreg_supervisor *supervisor;

		services[1].restart = cases[i].policy;
		supervisor = journal_supervise(&journal, &what, "+other1 +one2 ");
		journal_signal(&journal, "one", cases[i].signal);
		journal_await(&journal, cases[i].is_restarted ? "!one1 +one2 " : "!one1 ");
		/*
		 * Events are handled in order, so this one comes after any pending
		 * restart.
		 */
		journal_forget(&journal);
		journal_signal(&journal, "other", SIGKILL);
		journal_await(&journal,
			      cases[i].is_restarted ? "!other1 +other2 " : "!other0 +other1 ");
		kreg_supervisor_stop(supervisor);
		journal_forget(&journal);
	}
	close_clean();
}
END_TEST

START_TEST(an_unknown_end_is_not_a_clean_one)
{
	const struct kreg_supervised services[] = { SERVICE("a", sleeping,
							    .restart = KREG_RESTART_TRANSIENT) };
	KREG_SUPERVISION(what, .services = services, .count = 1);
	struct kreg_supervisor *supervisor;

	open_mode(_i);
	supervisor = journal_supervise(&journal, &what, "+a1 ");
	/* From now on the kernel reaps it. */
	signal(SIGCHLD, SIG_IGN);
	journal_signal(&journal, "a", SIGTERM);
	journal_await(&journal, "!a0 +a1 ");
	ck_assert(journal_has(&journal, "ended in an unknown way"));
	signal(SIGCHLD, SIG_DFL);
	kreg_supervisor_stop(supervisor);
	close_clean();
}
END_TEST

static void await_end_of_tree(const struct kreg_supervisor *supervisor)
{
	struct pollfd at = { .fd = kreg_supervisor_fd(supervisor), .events = POLLIN };

	ck_assert_int_eq(poll(&at, 1, 60000), 1);
	ck_assert_int_eq(kreg_supervisor_state(supervisor), -ENOTRECOVERABLE);
	journal_nothing_is_left(&journal);
}

START_TEST(the_restart_limit_ends_the_tree_and_is_logged)
{
	const struct kreg_supervised services[] = { SERVICE("a", sleeping), SERVICE("b", sleeping),
						    SERVICE("c", sleeping) };
	KREG_SUPERVISION(what, .services = services, .count = 3, .intensity = 2,
			 .period_ms = 3600000);
	struct kreg_supervisor *supervisor;
	struct pollfd at = { .events = POLLIN };

	open_mode(_i);
	supervisor = journal_supervise(&journal, &what, "+a1 +b2 +c3 ");
	journal_signal(&journal, "b", SIGKILL);
	journal_await(&journal, "!b2 +b3 ");
	journal_signal(&journal, "c", SIGKILL);
	journal_await(&journal, "!b2 +b3 !c2 +c3 ");
	at.fd = kreg_supervisor_fd(supervisor);
	ck_assert_int_eq(poll(&at, 1, 0), 0);
	journal_forget(&journal);
	journal_signal(&journal, "b", SIGKILL);
	await_end_of_tree(supervisor);
	journal_await(&journal, "!b2 -c1 -a0 ");
	ck_assert(journal_has(&journal,
			      "production/b: restart limit reached (2 in 3600 s): all services are "
			      "stopped"));
	/* The namespace is free for another supervisor. */
	ck_assert_int_eq(
		kreg_service_register(k, "production", KREG_ROLE_SUPERVISOR, NULL, 0, NULL), 0);
	kreg_supervisor_stop(supervisor);
	ck_assert_int_eq(kreg_service_unregister(k, "production", KREG_ROLE_SUPERVISOR), 1);
	close_clean();
}
END_TEST

START_TEST(an_intensity_of_zero_allows_no_restart)
{
	const struct kreg_supervised services[] = { SERVICE("a", sleeping) };
	KREG_SUPERVISION(what, .services = services, .count = 1, .intensity = KREG_INTENSITY_NONE);
	struct kreg_supervisor *supervisor;

	open_mode(_i);
	supervisor = journal_supervise(&journal, &what, "+a1 ");
	journal_signal(&journal, "a", SIGKILL);
	await_end_of_tree(supervisor);
	kreg_supervisor_stop(supervisor);
	close_clean();
}
END_TEST

START_TEST(a_failed_restart_is_retried_as_often_as_intensity_allows)
{
	char program[256], *name = program;
	const char *const argv[] = { name, "sleep", NULL };
	const KREG_START(vanishing, .argv = argv);
	struct kreg_supervised services[] = { SERVICE("a", sleeping), SERVICE("b", sleeping),
					      SERVICE("c", sleeping) };
	KREG_SUPERVISION(what, .services = services, .count = 3, .intensity = 3,
			 .strategy = KREG_REST_FOR_ONE);
	struct kreg_supervisor *supervisor;

	open_mode(_i);
	services[1].start = &vanishing;
	snprintf(program, sizeof(program), "%s/program", tmp_directory());
	ck_assert_int_eq(symlink(PROGRAM, program), 0);
	supervisor = journal_supervise(&journal, &what, "+a1 +b2 +c3 ");
	ck_assert_int_eq(unlink(program), 0);
	journal_signal(&journal, "b", SIGKILL);
	await_end_of_tree(supervisor);
	journal_await(&journal, "!b2 -c1 ?b1 ?b1 ?b1 -a0 ");
	kreg_supervisor_stop(supervisor);
	close_clean();
}
END_TEST

START_TEST(a_restart_fails_if_another_process_has_taken_the_name)
{
	const struct kreg_supervised services[] = { SERVICE("a", sleeping) };
	KREG_SUPERVISION(what, .services = services, .count = 1, .intensity = 2);
	struct kreg_supervisor *supervisor;
	struct pollfd at = { .events = POLLIN };
	char sentence[64];

	open_mode(_i);
	supervisor = journal_supervise(&journal, &what, "+a1 ");
	ck_assert_int_eq(kreg_register_with(k, "production/a", KREG_STRING, NULL, 0,
					    KREG_REGISTER_QUEUE, NULL),
			 KREG_WAITING);
	journal_signal(&journal, "a", SIGKILL);
	at.fd = kreg_supervisor_fd(supervisor);
	ck_assert_int_eq(poll(&at, 1, 60000), 1);
	snprintf(sentence, sizeof(sentence), "a: cannot be started: pid %d holds the name",
		 getpid());
	ck_assert(journal_has(&journal, sentence));
	kreg_supervisor_stop(supervisor);
	ck_assert_int_eq(kreg_service_unregister(k, "production", "a"), 1);
	close_clean();
}
END_TEST

START_TEST(a_failed_start_undoes_all_and_names_the_role)
{
	static const char *const missing[] = { "/no/such/program", NULL };
	static const char *const failing[] = { PROGRAM, "exit", "3", NULL };
	const KREG_START(first, .argv = missing);
	const KREG_START(second, .argv = failing, .ready = KREG_READY_NOTIFY);
	const KREG_START(third, .argv = sleep_argv, .ready = KREG_READY_NOTIFY, .timeout_ms = 100);
	const struct {
		const struct kreg_start *start;
		int err;
		const char *sentence;
	} cases[] = {
		{ &first, -ENOEXEC, "c: cannot be started: /no/such/program: No such file" },
		{ &second, -ECHILD,
		  "c: cannot be started: ended with exit status 3 before it was ready" },
		{ &third, -ETIMEDOUT, "c: cannot be started: timed out: not ready after 100 ms" },
	};
	struct kreg_supervised services[] = { SERVICE("a", sleeping), SERVICE("b", sleeping),
					      SERVICE("c", sleeping), SERVICE("d", sleeping) };
	KREG_SUPERVISION(what, .services = services, .count = 4);
	struct kreg_supervisor *supervisor = NULL;
	char why[KREG_ROLE_MAX + 1];
	size_t i;

	open_mode(_i);
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		services[2].start = cases[i].start;
		ck_assert_int_eq(supervise(&what, &supervisor, why), cases[i].err);
		ck_assert_str_eq(why, "c");
		ck_assert_ptr_null(supervisor);
		journal_await(&journal, "+a1 +b2 ?c2 -b1 -a0 ");
		journal_forget(&journal);
		ck_assert_msg(journal_has(&journal, cases[i].sentence), "%s", journal.sentences);
		journal_nothing_is_left(&journal);
	}
	kreg_close(k);
}
END_TEST

START_TEST(a_service_that_already_runs_is_not_started_and_left_alone)
{
	const struct kreg_supervised services[] = { SERVICE("a", sleeping),
						    SERVICE("b", sleeping) };
	KREG_SUPERVISION(what, .services = services, .count = 2);
	struct kreg_supervisor *supervisor;
	char why[KREG_ROLE_MAX + 1];
	uint32_t flags;

	open_mode(_i);
	ck_assert_int_eq(kreg_service_register(k, "production", "b", NULL, 0, NULL), 0);
	/* Nor would a supervisor take over its own process. */
	for (flags = 0; flags <= KREG_SUPERVISE_KEEP; flags++) {
		what.flags = flags;
		ck_assert_int_eq(supervise(&what, &supervisor, why), -EEXIST);
		ck_assert_str_eq(why, "b");
		ck_assert_int_eq(journal_pid_of(&journal, "b"), getpid());
		ck_assert_int_eq(kreg_count(k), 1);
	}
	ck_assert_int_eq(kreg_service_unregister(k, "production", "b"), 1);
	close_clean();
}
END_TEST

START_TEST(a_namespace_has_one_supervisor)
{
	const struct kreg_supervised services[] = { SERVICE("a", sleeping) };
	KREG_SUPERVISION(what, .services = services, .count = 1);
	struct kreg_supervisor *first, *second = NULL;
	char why[KREG_ROLE_MAX + 1];
	pid_t pid;

	open_mode(_i);
	first = journal_supervise(&journal, &what, "+a1 ");
	pid = journal_pid_of(&journal, "a");
	ck_assert_int_eq(supervise(&what, &second, why), -EEXIST);
	ck_assert_str_eq(why, KREG_ROLE_SUPERVISOR);
	ck_assert_ptr_null(second);
	ck_assert(journal_has(&journal, "production: already supervised by pid "));
	ck_assert_int_eq(journal_pid_of(&journal, "a"), pid);
	kreg_supervisor_stop(first);
	close_clean();
}
END_TEST

START_TEST(an_invalid_plan_is_refused_and_logged_before_anything_is_started)
{
	static const KREG_START(empty, .flags = 0);
	struct kreg_supervised services[] = { SERVICE("a", sleeping),
					      { 0 },
					      SERVICE("d", sleeping, .after = AFTER("b")) };
	const struct {
		struct kreg_supervised service;
		const char *why, *sentence;
	} cases[] = {
		{ SERVICE("b", sleeping, .after = AFTER("c")), "b",
		  "b: starts after c, which is not one of the services" },
		{ SERVICE("b", sleeping, .after = AFTER("b")), "b", "b: starts after itself" },
		{ SERVICE("b", sleeping, .after = AFTER("d")), "d",
		  "d: starts after b, which starts after it" },
		{ SERVICE("a", sleeping), "a", "a: duplicate role" },
		{ SERVICE(KREG_ROLE_SUPERVISOR, sleeping), KREG_ROLE_SUPERVISOR,
		  "reserved for the supervisor" },
		{ SERVICE("b b", sleeping), "b b", "b b: a role must have 1 to 150" },
		{ SERVICE(NULL, sleeping), "", "without a role" },
		{ SERVICE("b", sleeping, .restart = 3), "b", "b: unknown restart policy" },
		{ { .size = sizeof(services[0]), .role = "b" }, "b", "b: start is NULL" },
		{ { .size = sizeof(services[0]), .role = "b", .start = &empty },
		  "b",
		  "b: start->argv is NULL" },
		{ { .size = 8 }, "", "service 1: its size is not that of struct kreg_supervised" },
	};
	KREG_SUPERVISION(what, .services = services);
	struct kreg_supervisor *supervisor;
	char why[KREG_ROLE_MAX + 1];
	size_t i;

	open_mode(_i);
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		services[1] = cases[i].service;
		what.count = !strcmp(cases[i].why, "d") ? 3 : 2;
		ck_assert_int_eq(supervise(&what, &supervisor, why), -EINVAL);
		ck_assert_str_eq(why, cases[i].why);
		ck_assert_msg(journal_has(&journal, cases[i].sentence), "%zu: %s", i,
			      journal.sentences);
		journal_init(&journal, k);
	}
	what.count = 1;
	what.strategy = 3;
	ck_assert_int_eq(supervise(&what, &supervisor, NULL), -EINVAL);
	what.strategy = 0;
	what.flags = KREG_SUPERVISE_NO_CGROUPS << 1;
	ck_assert_int_eq(supervise(&what, &supervisor, NULL), -EINVAL);
	ck_assert_int_eq(kreg_supervise(&supervisor, k, "no/space", &what, NULL, 0), -EINVAL);
	ck_assert_int_eq(kreg_supervise(&supervisor, k, "production", NULL, NULL, 0), -EINVAL);
	ck_assert_str_eq(journal.events, "");
	kreg_supervisor_stop(NULL);
	close_clean();
}
END_TEST

START_TEST(a_service_that_ignores_sigterm_is_killed_and_a_stopped_one_continued)
{
	struct kreg_supervised services[] = { SERVICE("asleep", sleeping),
					      SERVICE("stubborn", sleeping) };
	KREG_SUPERVISION(what, .services = services, .count = 2);
	struct kreg_service_health health = { .size = sizeof(health) };
	struct kreg_supervisor *supervisor;

	open_mode(_i);
	services[1].start = &stubborn;
	services[1].stop_ms = 50;
	supervisor = journal_supervise(&journal, &what, "+asleep1 +stubborn2 ");
	journal_signal(&journal, "asleep", SIGSTOP);
	do {
		ck_assert_int_eq(kreg_service_health(k, "production", "asleep", &health), 0);
	} while (health.process != KREG_PROCESS_STOPPED);
	kreg_supervisor_stop(supervisor);
	journal_await(&journal, "-stubborn1 -asleep0 ");
	ck_assert(journal_has(&journal, "still runs 50 ms after SIGTERM: sending SIGKILL"));
	ck_assert(journal_has(&journal, " ended by signal 9 (SIGKILL)"));
	ck_assert(journal_has(&journal, " ended by signal 15 (SIGTERM)"));
	close_clean();
}
END_TEST

START_TEST(a_supervisor_that_waits_for_a_restart_to_be_ready_can_be_stopped)
{
	char script[512], *text = script;
	const char *const argv[] = { "/bin/sh", "-c", text, NULL };
	const KREG_START(once, .argv = argv, .ready = KREG_READY_FD, .ready_fd = 9);
	struct kreg_supervised services[] = { SERVICE("a", sleeping) };
	KREG_SUPERVISION(what, .services = services, .count = 1);
	struct kreg_service_health health = { .size = sizeof(health) };
	struct kreg_supervisor *supervisor;

	open_mode(_i);
	/* At its second start it never becomes ready. */
	snprintf(script, sizeof(script),
		 "f=%s/ready; [ -e $f ] || { : >$f; echo >&9; }; exec sleep 100000",
		 tmp_directory());
	services[0].start = &once;
	supervisor = journal_supervise(&journal, &what, "+a1 ");
	journal_signal(&journal, "a", SIGKILL);
	while (kreg_service_health(k, "production", "a", &health) || health.ready)
		usleep(1000);
	kreg_supervisor_stop(supervisor);
	snprintf(script, sizeof(script), "%s/ready", tmp_directory());
	ck_assert_int_eq(unlink(script), 0);
	close_clean();
}
END_TEST

/* Returns when all other threads of this process sleep; one whose epoll stays readable never does. */
static void await_idle_threads(void)
{
	char path[64], state;
	const struct dirent *at;
	int asleep = 0;
	DIR *threads;
	FILE *in;

	while (asleep < 20) {
		threads = opendir("/proc/self/task");
		asleep++;
		while ((at = readdir(threads))) {
			snprintf(path, sizeof(path), "/proc/self/task/%d/stat", atoi(at->d_name));
			in = atoi(at->d_name) && atoi(at->d_name) != gettid() ? fopen(path, "r")
									      : NULL;
			if (in && (fscanf(in, "%*[^)]) %c", &state) != 1 || state != 'S'))
				asleep = 0;
			if (in)
				fclose(in);
		}
		closedir(threads);
	}
}

static int supervise_without_write(int link, void *data)
{
	const struct kreg_supervised services[] = { SERVICE("a", sleeping),
						    SERVICE("b", sleeping) };
	KREG_SUPERVISION(what, .services = services, .count = 1);
	struct kreg_supervisor *supervisor;

	open_mode(*(const int *)data);
	if (refuse_call(SYS_write, EPERM) || supervise(&what, &supervisor, NULL))
		return 1;
	what.count = 2;
	if (kreg_supervisor_change(supervisor, &what, NULL, 0) || journal_services(k) != 2)
		return 2;
	await_idle_threads();
	kreg_supervisor_stop(supervisor);
	link_say(link, journal_services(k));
	kreg_close(k);
	return 0;
}

START_TEST(a_supervisor_can_be_changed_and_stopped_where_write_is_refused)
{
	struct child child = child_start(supervise_without_write, &_i);

	ck_assert_int_eq(link_hear(child.link), 0);
	ck_assert_int_eq(child_end(&child), 0);
}
END_TEST

START_TEST(a_supervisor_leaves_no_fd_thread_process_or_name)
{
	const struct kreg_supervised services[] = { SERVICE("a", sleeping),
						    SERVICE("b", sleeping) };
	KREG_SUPERVISION(what, .services = services, .count = 2, .strategy = KREG_ONE_FOR_ALL);
	int fds = 0, threads = 0, i;

	open_mode(_i);
	for (i = 0; i < 5; i++) {
		struct kreg_supervisor *supervisor = journal_supervise(&journal, &what, "+a1 +b2 ");

		journal_signal(&journal, "a", SIGKILL);
		journal_await(&journal, "!a1 -b0 +a1 +b2 ");
		kreg_supervisor_stop(supervisor);
		journal_forget(&journal);
		journal_nothing_is_left(&journal);
		if (!i) {
			fds = unit_entries("/proc/self/fd");
			threads = unit_threads();
		}
	}
	ck_assert_int_eq(unit_entries("/proc/self/fd"), fds);
	ck_assert_int_eq(unit_threads(), threads);
	kreg_close(k);
}
END_TEST

int main(int argc, char **argv)
{
	const TTest *const both[] = {
		services_start_after_those_they_wait_for_and_stop_in_reverse,
		a_strategy_decides_which_services_restart_with_the_ended_one,
		a_policy_decides_after_which_ends_a_service_restarts,
		an_unknown_end_is_not_a_clean_one,
		the_restart_limit_ends_the_tree_and_is_logged,
		an_intensity_of_zero_allows_no_restart,
		a_failed_restart_is_retried_as_often_as_intensity_allows,
		a_restart_fails_if_another_process_has_taken_the_name,
		a_failed_start_undoes_all_and_names_the_role,
		a_service_that_already_runs_is_not_started_and_left_alone,
		a_namespace_has_one_supervisor,
		an_invalid_plan_is_refused_and_logged_before_anything_is_started,
		a_service_that_ignores_sigterm_is_killed_and_a_stopped_one_continued,
		a_supervisor_that_waits_for_a_restart_to_be_ready_can_be_stopped,
		a_supervisor_can_be_changed_and_stopped_where_write_is_refused,
		a_supervisor_leaves_no_fd_thread_process_or_name,
		NULL,
	};

	program_run(argc, argv);
	return modes_run(suite_create("supervise"), tcase_create("both"), both, NULL, NULL);
}
