/* SPDX-License-Identifier: MIT */
/*
 * The processes that a service has started end with it: by its cgroup, or without cgroups by
 * its session and by its name. Services that daemonise, one-shots, and services that end before
 * they can be found.
 */
#include <check.h>
#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "shm/row.h"
#include "tests/support/child.h"
#include "tests/support/guard.h"
#include "tests/support/program.h"
#include "tests/support/tmp.h"
#include "tests/support/journal.h"
#include "tests/support/way.h"
#include "base/process.h"

static struct kreg *k;
static struct journal journal;
static int mode;
static uint32_t flags;

/*
 * Each test runs in both modes, and with both ways of tracking what a service has
 * started.
 */
static void open_way(int way)
{
	flags = way_begin(way);
	if (k)
		kreg_close(k);
	k = mode_open(mode, "supervise_group");
	journal_init(&journal, k);
}

static const char *const sleep_argv[] = { PROGRAM, "sleep", NULL };
static const KREG_START(sleeping, .argv = sleep_argv);

static int supervise(struct kreg_supervision *what, struct kreg_supervisor **out)
{
	char why[KREG_ROLE_MAX + 1];

	what->log = journal_log;
	what->log_data = &journal;
	what->flags |= flags;
	return kreg_supervise(out, k, "production", what, why, sizeof(why));
}

static struct kreg_supervisor *supervise_well(struct kreg_supervision *what, const char *events)
{
	what->flags |= flags;
	return journal_supervise(&journal, what, events);
}

static void nothing_is_left(void)
{
	journal_nothing_is_left(&journal);
	ck_assert(!way_has_folder(k, "a"));
}

/* Starts two processes, one of which leaves the session, and writes their pids to a file. */
static const char *leaving_script(const char *then)
{
	static char script[1024];

	snprintf(script, sizeof(script),
		 "sleep 100000 & echo $! >%1$s/pids; "
		 "setsid sh -c 'echo $$ >>%1$s/pids; exec sleep 100000' & "
		 "until [ $(wc -l <%1$s/pids) = 2 ]; do sleep 0.01; done; %2$s",
		 tmp_directory(), then);
	return script;
}

/* The same with two processes whose first threads have ended, while others go on. */
static const char *headless_script(void)
{
	static char script[1024];

	snprintf(script, sizeof(script),
		 ": >%2$s/pids; %1$s headless %2$s/pids & %1$s headless %2$s/pids & "
		 "until [ $(wc -l <%2$s/pids) = 2 ]; do sleep 0.01; done; echo >&9; wait",
		 program_path(), tmp_directory());
	return script;
}

static void read_pids(pid_t *pids)
{
	char path[256];
	FILE *in;

	snprintf(path, sizeof(path), "%s/pids", tmp_directory());
	in = fopen(path, "r");
	ck_assert_ptr_nonnull(in);
	ck_assert_int_eq(fscanf(in, "%d %d", &pids[0], &pids[1]), 2);
	fclose(in);
	unlink(path);
}

/* Both have ended; they may still be zombies. */
static void gone(const pid_t *pids)
{
	struct process process;
	int i;

	for (i = 0; i < 2; i++)
		ck_assert(!process_read(pids[i], &process) || process_is_over(&process));
}

START_TEST(processes_that_a_service_started_end_with_it)
{
	int way;

	mode = _i;
	for (way = 0; way < WAYS; way++) {
		const char *const argv[] = { "/bin/sh", "-c", leaving_script("echo >&9; wait"),
					     NULL };
		const KREG_START(leaving, .argv = argv, .ready = KREG_READY_FD, .ready_fd = 9);
		struct kreg_supervised services[] = { SERVICE("a", sleeping),
						      SERVICE("b", sleeping) };
		KREG_SUPERVISION(what, .services = services, .count = 2, .intensity = 5);
		struct kreg_supervisor *supervisor;
		pid_t pids[2];

		services[0].start = &leaving;
		open_way(way);
		supervisor = supervise_well(&what, "+a1 +b2 ");
		read_pids(pids);
		/*
		 * The service is killed: its processes are gone before it is started
		 * again.
		 */
		journal_signal(&journal, "a", SIGKILL);
		journal_await(&journal, "!a1 +a2 ");
		gone(pids);
		journal_forget(&journal);
		/* The same when it is stopped. */
		read_pids(pids);
		kreg_supervisor_stop(supervisor);
		journal_await(&journal, "-b1 -a0 ");
		gone(pids);
		nothing_is_left();
	}
	kreg_close(k);
}
END_TEST

START_TEST(a_process_of_a_service_that_ignores_sigterm_is_killed_after_the_timeout)
{
	int way;

	mode = _i;
	for (way = 0; way < WAYS; way++) {
		const char *const argv[] = {
			"/bin/sh", "-c",
			"(trap '' TERM; echo >&9; sleep 100000; sleep 100000) & exec sleep 100000",
			NULL
		};
		const KREG_START(leaving, .argv = argv, .ready = KREG_READY_FD, .ready_fd = 9);
		const struct kreg_supervised services[] = { { .size = sizeof(services[0]),
							      .role = "a",
							      .start = &leaving,
							      .stop_ms = 200 } };
		KREG_SUPERVISION(what, .services = services, .count = 1);
		struct kreg_supervisor *supervisor;

		open_way(way);
		supervisor = supervise_well(&what, "+a1 ");
		kreg_supervisor_stop(supervisor);
		journal_await(&journal, "-a0 ");
		ck_assert(journal_has(&journal, "leftover processes still run after SIGTERM"));
		nothing_is_left();
	}
	kreg_close(k);
}
END_TEST

START_TEST(a_leftover_process_without_its_first_thread_is_ended_too)
{
	int way;

	mode = _i;
	for (way = 0; way < WAYS; way++) {
		const char *const argv[] = { "/bin/sh", "-c", headless_script(), NULL };
		const KREG_START(leaving, .argv = argv, .ready = KREG_READY_FD, .ready_fd = 9);
		const struct kreg_supervised services[] = { SERVICE("a", leaving) };
		KREG_SUPERVISION(what, .services = services, .count = 1);
		struct kreg_supervisor *supervisor;
		struct process process;
		pid_t pids[2];

		open_way(way);
		supervisor = supervise_well(&what, "+a1 ");
		read_pids(pids);
		ck_assert(process_read(pids[0], &process));
		ck_assert(process.state == 'Z' && !process_is_over(&process));
		journal_signal(&journal, "a", SIGKILL);
		journal_await(&journal, "!a0 +a1 ");
		gone(pids);
		kreg_supervisor_stop(supervisor);
		nothing_is_left();
	}
	kreg_close(k);
}
END_TEST

START_TEST(a_service_that_daemonises_is_logged_with_its_line_and_not_restarted)
{
	int way;

	mode = _i;
	for (way = 0; way < WAYS; way++) {
		const char *const argv[] = { "/bin/sh", "-c",
					     leaving_script("trap \"exit 0\" USR1; echo >&9; "
							    "wait"),
					     NULL };
		const KREG_START(forking, .argv = argv, .ready = KREG_READY_FD, .ready_fd = 9);
		struct kreg_supervised services[] = { SERVICE("a", sleeping, .where = "file.ini:7"),
						      SERVICE("b", sleeping) };
		KREG_SUPERVISION(what, .services = services, .count = 2, .intensity = 5,
				 .strategy = KREG_ONE_FOR_ALL);
		struct kreg_supervisor *supervisor;
		pid_t pids[2];

		services[0].start = &forking;
		open_way(way);
		supervisor = supervise_well(&what, "+a1 +b2 ");
		read_pids(pids);
		journal_signal(&journal, "a", SIGUSR1);
		journal_await(&journal, "!a1 ");
		ck_assert_msg(journal_has(&journal, "it daemonises; run it in the foreground"),
			      "%s", journal.sentences);
		ck_assert(journal_has(&journal, "(file.ini:7)"));
		gone(pids);
		journal_forget(&journal);
		/* Nor is it restarted together with others. */
		journal_signal(&journal, "b", SIGKILL);
		journal_await(&journal, "!b0 +b1 ");
		kreg_supervisor_stop(supervisor);
		nothing_is_left();
	}
	kreg_close(k);
}
END_TEST

START_TEST(a_service_that_daemonises_before_it_is_ready_does_not_start)
{
	int way;

	mode = _i;
	for (way = 0; way < WAYS; way++) {
		const char *const argv[] = { "/bin/sh", "-c", leaving_script("exit 0"), NULL };
		const KREG_START(forking, .argv = argv, .ready = KREG_READY_NOTIFY);
		struct kreg_supervised services[] = { SERVICE("a", forking,
							      .where = "file.ini:7") };
		KREG_SUPERVISION(what, .services = services, .count = 1);
		struct kreg_supervisor *supervisor;
		pid_t pids[2];

		open_way(way);
		ck_assert_int_eq(supervise(&what, &supervisor), -ECHILD);
		journal_await(&journal, "?a0 ");
		ck_assert_msg(journal_has(&journal, "it daemonises; run it in the foreground"),
			      "%s", journal.sentences);
		ck_assert(journal_has(&journal, "(file.ini:7)"));
		read_pids(pids);
		gone(pids);
		nothing_is_left();
	}
	kreg_close(k);
}
END_TEST

START_TEST(services_after_a_one_shot_wait_for_its_success)
{
	static const char *const right[] = { PROGRAM, "exit", "0", NULL };
	static const char *const wrong[] = { PROGRAM, "exit", "3", NULL };
	const KREG_START(works, .argv = right);
	const KREG_START(fails, .argv = wrong);
	struct kreg_supervised services[] = {
		SERVICE("b", sleeping, .after = AFTER("a")),
		SERVICE("a", works, .flags = KREG_SERVICE_ONESHOT),
	};
	KREG_SUPERVISION(what, .services = services, .count = 2, .strategy = KREG_ONE_FOR_ALL,
			 .intensity = 2);
	struct kreg_supervisor *supervisor;

	mode = _i;
	open_way(0);
	supervisor = supervise_well(&what, "=a0 +b1 ");
	/* It runs again when it is restarted with others, and before them. */
	journal_signal(&journal, "b", SIGKILL);
	journal_await(&journal, "!b0 =a0 +b1 ");
	journal_forget(&journal);
	kreg_supervisor_stop(supervisor);
	journal_await(&journal, "-b0 ");
	journal_forget(&journal);
	services[1].start = &fails;
	ck_assert_int_eq(supervise(&what, &supervisor), -ECHILD);
	journal_await(&journal, "?a0 ");
	ck_assert(journal_has(&journal, "cannot be started: failed with exit status 3"));
	nothing_is_left();
	kreg_close(k);
}
END_TEST

START_TEST(a_service_that_ends_before_it_is_found_counts_as_started_and_ended)
{
	static const char *const argv[] = { "/bin/true", NULL };
	const KREG_START(brief, .argv = argv);
	struct kreg_supervised services[] = {
		SERVICE("a", brief, .restart = KREG_RESTART_TRANSIENT),
		SERVICE("b", sleeping),
	};
	KREG_SUPERVISION(what, .services = services, .count = 2);
	struct kreg_supervisor *supervisor;
	int i;

	mode = _i;
	open_way(0);
	/* Its end and its name may come in either order. */
	for (i = 0; i < 20; i++) {
		ck_assert_int_eq(supervise(&what, &supervisor), 0);
		while (!journal_has(&journal, "exit status 0: not restarted (transient)"))
			usleep(1000);
		kreg_supervisor_stop(supervisor);
		journal_init(&journal, k);
		nothing_is_left();
	}
	kreg_close(k);
}
END_TEST

START_TEST(each_restart_is_delayed_longer_than_the_one_before)
{
	static const char *const argv[] = { PROGRAM, "exit", "1", NULL };
	const KREG_START(failing, .argv = argv);
	struct kreg_supervised services[] = {
		SERVICE("a", failing, .restart_ms = 20, .restart_max_ms = 50),
	};
	KREG_SUPERVISION(what, .services = services, .count = 1, .intensity = 3,
			 .period_ms = 3600000);
	struct kreg_supervisor *supervisor;

	mode = _i;
	open_way(0);
	ck_assert_int_eq(supervise(&what, &supervisor), 0);
	while (!kreg_supervisor_state(supervisor))
		usleep(1000);
	ck_assert(journal_has(&journal, "in 20 ms\n"));
	ck_assert(journal_has(&journal, "in 40 ms\n"));
	ck_assert(journal_has(&journal, "in 50 ms\n"));
	kreg_supervisor_stop(supervisor);
	nothing_is_left();
	kreg_close(k);
}
END_TEST

int main(int argc, char **argv)
{
	const TTest *const both[] = {
		processes_that_a_service_started_end_with_it,
		a_process_of_a_service_that_ignores_sigterm_is_killed_after_the_timeout,
		a_leftover_process_without_its_first_thread_is_ended_too,
		a_service_that_daemonises_is_logged_with_its_line_and_not_restarted,
		a_service_that_daemonises_before_it_is_ready_does_not_start,
		services_after_a_one_shot_wait_for_its_success,
		a_service_that_ends_before_it_is_found_counts_as_started_and_ended,
		each_restart_is_delayed_longer_than_the_one_before,
		NULL,
	};

	program_run(argc, argv);
	return modes_run(suite_create("supervise_group"), tcase_create("both"), both, NULL, NULL);
}
