/* SPDX-License-Identifier: MIT */
/*
 * A supervisor that dies takes its services with it, or leaves them to the next one; and a
 * namespace with any processes in it is emptied from outside.
 */
#include <check.h>
#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "shm/row.h"
#include "tests/support/child.h"
#include "tests/support/guard.h"
#include "tests/support/program.h"
#include "tests/support/tmp.h"
#include "tests/support/journal.h"
#include "base/process.h"

static struct kreg *k;
static struct journal journal;
static int mode;

static void open_mode(int in)
{
	mode = in;
	k = mode_open(in, "supervise_death");
	journal_init(&journal, k);
	/* Orphans become children of this process, which can then await their end. */
	prctl(PR_SET_CHILD_SUBREAPER, 1);
}

static const char *const sleep_argv[] = { PROGRAM, "sleep", NULL };
static const KREG_START(sleeping, .argv = sleep_argv);

static const struct kreg_supervised services[] = {
	{ .size = sizeof(services[0]), .role = "a", .start = &sleeping, .stop_ms = 60000 },
	{ .size = sizeof(services[0]), .role = "b", .start = &sleeping, .stop_ms = 60000 },
};

/* Its exit goes on long after its name is gone: the kernel frees the pages of its file. */
static const char *const slow_end_argv[] = {
	"/bin/sh", "-c",
	"f=/dev/shm/kreg-slow.$$ && exec 8<>$f && rm $f &&"
	"head -c 256M /dev/zero >&8 && echo >&9 && exec 9>&- sleep 1000",
	NULL
};
static const KREG_START(slow_end, .argv = slow_end_argv, .ready = KREG_READY_FD, .ready_fd = 9);

static const struct kreg_supervised slow_services[] = {
	{ .size = sizeof(slow_services[0]), .role = "a", .start = &slow_end },
	{ .size = sizeof(slow_services[0]), .role = "b", .start = &slow_end },
};

/* What the supervisor of start_supervisor() supervises. */
static const struct kreg_supervised *plan = services;

/* Supervises a and b, and reports that; @data decides what it does at SIGTERM. */
enum at_term { KEEP, STOP, IGNORE };

static int be_supervisor(int link, void *data)
{
	enum at_term at_term = *(enum at_term *)data;
	KREG_SUPERVISION(what, .services = plan, .count = 2, .log = journal_log,
			 .log_data = &journal, .flags = at_term == KEEP ? KREG_SUPERVISE_KEEP : 0);
	struct kreg *own = mode_open(mode, "supervise_death");
	struct kreg_supervisor *supervisor;
	sigset_t term;
	int signal;

	sigemptyset(&term);
	sigaddset(&term, SIGTERM);
	sigprocmask(SIG_BLOCK, &term, NULL);
	journal_init(&journal, own);
	link_say(link, kreg_supervise(&supervisor, own, "production", &what, NULL, 0));
	while (at_term == IGNORE)
		pause();
	sigwait(&term, &signal);
	kreg_supervisor_stop(supervisor);
	kreg_close(own);
	/* Whether a service has ended without being stopped. */
	return strchr(journal.events, '!') ? 1 : 0;
}

static struct child start_supervisor(enum at_term at_term)
{
	return child_start_ready(be_supervisor, &at_term);
}

static struct kreg_owner holder_of(const char *role)
{
	struct kreg_owner owner;

	ck_assert_int_ge(kreg_service_lookup(k, "production", role, NULL, 0, &owner), 0);
	return owner;
}

/* Returns when all children have ended, adopted ones too. */
static void reap_all(void)
{
	while (waitpid(-1, NULL, 0) > 0 || errno == EINTR)
		;
	ck_assert_int_eq(errno, ECHILD);
}

static struct kreg_supervisor *supervise_and_keep(const char *events)
{
	KREG_SUPERVISION(what, .services = services, .count = 2, .flags = KREG_SUPERVISE_KEEP,
			 .log = journal_log, .log_data = &journal);
	struct kreg_supervisor *supervisor;

	ck_assert_int_eq(kreg_supervise(&supervisor, k, "production", &what, NULL, 0), 0);
	journal_await(&journal, events);
	journal_forget(&journal);
	return supervisor;
}

START_TEST(the_services_of_a_killed_supervisor_are_gone)
{
	struct child child;

	open_mode(_i);
	child = start_supervisor(STOP);
	ck_assert_int_eq(journal_services(k), 2);
	child_kill(&child);
	ck_assert_int_eq(kreg_service_await_gone(k, "production", "a", NULL, 60000), 0);
	ck_assert_int_eq(kreg_service_await_gone(k, "production", "b", NULL, 60000), 0);
	reap_all();
	/* Their cgroups are removed by the next supervisor of the namespace, or when it is emptied. */
	ck_assert_int_eq(kreg_namespace_stop(k, "production", 0), 0);
	kreg_close(k);
}
END_TEST

START_TEST(kept_services_go_on_and_are_taken_over)
{
	struct kreg_supervisor *supervisor;
	struct kreg_owner a, b;
	struct child child;

	open_mode(_i);
	child = start_supervisor(KEEP);
	a = holder_of("a");
	b = holder_of("b");
	child_kill(&child);
	ck_assert_int_eq(kreg_service_lookup(k, "production", KREG_ROLE_SUPERVISOR, NULL, 0, NULL),
			 -ENOENT);
	supervisor = supervise_and_keep("+a2 +b2 ");
	ck_assert(journal_has(&journal, "production/a: taken over"));
	ck_assert_uint_eq(holder_of("a").token, a.token);
	ck_assert_uint_eq(holder_of("b").token, b.token);
	/*
	 * Services taken over are supervised, and those that have ended meanwhile are
	 * started.
	 */
	ck_assert_int_eq(kreg_signal(k, "production/a", KREG_STRING, SIGKILL), 0);
	journal_await(&journal, "!a1 +a2 ");
	/* The service's new parent, here this process, knows how it ended. */
	ck_assert(journal_has(&journal, "ended by signal 9 (SIGKILL)"));
	journal_forget(&journal);
	ck_assert_int_ne(holder_of("a").pid, a.pid);
	kreg_supervisor_stop(supervisor);
	journal_await(&journal, "-b1 -a0 ");
	reap_all();
	ck_assert_int_eq(kreg_count(k), 0);
	kreg_close(k);
}
END_TEST

START_TEST(a_service_that_ended_unsupervised_is_started_by_the_next_supervisor)
{
	struct kreg_supervisor *supervisor;
	struct kreg_owner b;
	struct child child;

	open_mode(_i);
	child = start_supervisor(KEEP);
	b = holder_of("b");
	child_kill(&child);
	ck_assert_int_eq(kreg_signal(k, "production/a", KREG_STRING, SIGKILL), 0);
	ck_assert_int_eq(kreg_service_await_gone(k, "production", "a", NULL, 60000), 0);
	supervisor = supervise_and_keep("+a2 +b2 ");
	ck_assert(journal_has(&journal, "production/a: started as"));
	ck_assert_uint_eq(holder_of("b").token, b.token);
	kreg_supervisor_stop(supervisor);
	reap_all();
	kreg_close(k);
}
END_TEST

START_TEST(kept_services_are_refused_by_a_supervisor_that_does_not_keep)
{
	KREG_SUPERVISION(what, .services = services, .count = 2);
	struct kreg_supervisor *supervisor;
	char why[KREG_ROLE_MAX + 1];
	struct child child;

	open_mode(_i);
	child = start_supervisor(KEEP);
	child_kill(&child);
	ck_assert_int_eq(kreg_supervise(&supervisor, k, "production", &what, why, sizeof(why)),
			 -EEXIST);
	ck_assert_str_eq(why, "a");
	ck_assert_int_eq(journal_services(k), 2);
	ck_assert_int_eq(kreg_namespace_stop(k, "production", 60000), 2);
	reap_all();
	kreg_close(k);
}
END_TEST

START_TEST(a_supervisor_belongs_to_the_process_and_not_to_its_children)
{
	struct kreg_supervisor *supervisor;
	int status;
	pid_t pid;

	open_mode(_i);
	supervisor = supervise_and_keep("+a1 +b2 ");
	pid = fork();
	ck_assert_int_ge(pid, 0);
	if (!pid) {
		bool refused = kreg_supervisor_state(supervisor) == -EOWNERDEAD;
		KREG_SUPERVISION(none, .count = 0);
		struct kreg_supervisor *another;

		refused &= kreg_supervise(&another, k, "other", &none, NULL, 0) == -EOWNERDEAD;
		kreg_supervisor_stop(supervisor);
		kreg_close(k);
		_exit(refused ? 0 : 1);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
	ck_assert_int_eq(journal_services(k), 2);
	ck_assert_int_eq(kreg_supervisor_state(supervisor), 0);
	kreg_supervisor_stop(supervisor);
	reap_all();
	kreg_close(k);
}
END_TEST

START_TEST(stopping_a_namespace_asks_its_supervisor_first)
{
	struct child child;

	open_mode(_i);
	ck_assert_int_eq(kreg_namespace_stop(k, "production", 0), 0);
	child = start_supervisor(STOP);
	ck_assert_int_eq(kreg_namespace_stop(k, "production", 60000), 3);
	ck_assert_int_eq(kreg_count(k), 0);
	/* The supervisor stopped them itself, and exited with 0. */
	ck_assert_int_eq(child_end(&child), 0);
	reap_all();
	kreg_close(k);
}
END_TEST

START_TEST(services_that_die_with_their_supervisor_are_counted_once)
{
	struct child child;

	open_mode(_i);
	plan = slow_services;
	child = start_supervisor(IGNORE);
	ck_assert_int_eq(kreg_namespace_stop(k, "production", 20), 3);
	child_end(&child);
	reap_all();
	kreg_close(k);
}
END_TEST

START_TEST(a_supervisor_that_does_not_stop_is_killed_with_its_services)
{
	struct child child;
	int status;

	open_mode(_i);
	child = start_supervisor(IGNORE);
	ck_assert_int_eq(kreg_namespace_stop(k, "production", 20), 3);
	ck_assert_int_eq(kreg_count(k), 0);
	status = child_end(&child);
	ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	reap_all();
	kreg_close(k);
}
END_TEST

static void start(const char *role, const struct kreg_start *how)
{
	struct kreg_started started = { .size = sizeof(started) };
	bool is_later;

	ck_assert_int_eq(kreg_service_start(k, "production", role, how, &started), 0);
	/*
	 * So that /proc shows a later start for the next one: until its clock has ticked.
	 */
	do {
		pid_t pid = fork();

		if (!pid)
			pause();
		ck_assert_int_gt(pid, 0);
		is_later = process_start(pid) > process_start(started.owner.pid);
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
	} while (!is_later);
}

START_TEST(the_newest_services_are_stopped_first_in_any_state)
{
	static const char *const stubborn_argv[] = { "/bin/sh", "-c",
						     "trap '' TERM; echo >&9; exec sleep 100000",
						     NULL };
	const KREG_START(stubborn, .argv = stubborn_argv, .ready = KREG_READY_FD, .ready_fd = 9);
	char script[512], file[256], line[16], *text = script;
	const char *const writing_argv[] = { "/bin/sh", "-c", text, NULL };
	const KREG_START(writing, .argv = writing_argv, .ready = KREG_READY_FD, .ready_fd = 9);
	const char *wanted[] = { "third\n", "second\n", "first\n" };
	size_t i;
	FILE *in;

	open_mode(_i);
	snprintf(file, sizeof(file), "%s/order", tmp_directory());
	snprintf(script, sizeof(script),
		 "sleep 100000 & trap \"kill $!; echo $KREG_ROLE >>%s; exit\" TERM; echo >&9; wait",
		 file);
	start("first", &writing);
	start("second", &writing);
	start("stubborn", &stubborn);
	start("third", &writing);
	start("asleep", &sleeping);
	ck_assert_int_eq(kreg_signal(k, "production/asleep", KREG_STRING, SIGSTOP), 0);
	ck_assert_int_eq(kreg_service_register(k, "elsewhere", "first", NULL, 0, NULL), 0);
	ck_assert_int_eq(kreg_namespace_stop(k, "production", 2000), 5);
	ck_assert_int_eq(kreg_count(k), 1);
	in = fopen(file, "r");
	ck_assert_ptr_nonnull(in);
	for (i = 0; i < 3; i++) {
		ck_assert_ptr_nonnull(fgets(line, sizeof(line), in));
		ck_assert_str_eq(line, wanted[i]);
	}
	fclose(in);
	unlink(file);
	reap_all();
	kreg_close(k);
}
END_TEST

static int reserve(int link, void *data)
{
	struct kreg *own = mode_open(mode, "supervise_death");

	(void)data;
	/* Check's handler would pass the signal on to all processes of the test. */
	signal(SIGTERM, SIG_DFL);
	if (kreg_register_with(own, "production/reserved", KREG_STRING, NULL, 0,
			       KREG_REGISTER_RESERVED, NULL) ||
	    kreg_register_with(own, "production/mine", KREG_STRING, NULL, 0, KREG_REGISTER_QUEUE,
			       NULL) != KREG_WAITING)
		return 1;
	link_say(link, 0);
	for (;;)
		pause();
}

START_TEST(services_reserved_in_line_and_of_the_caller_are_stopped_too)
{
	struct kreg_service_health health = { .size = sizeof(health) };
	struct child child;
	int status;

	open_mode(_i);
	ck_assert_int_eq(kreg_service_register(k, "production", "mine", NULL, 0, NULL), 0);
	child = child_start_ready(reserve, NULL);
	ck_assert_int_eq(kreg_namespace_stop(k, "production", 60000), 2);
	ck_assert_int_eq(kreg_service_health(k, "production", "reserved", &health), -ENOENT);
	ck_assert_int_eq(kreg_service_health(k, "production", "mine", &health), -ENOENT);
	status = child_end(&child);
	ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM);
	kreg_close(k);
}
END_TEST

START_TEST(a_namespace_that_cannot_be_stopped_is_refused)
{
	KREG_OPTIONS(reader, .flags = KREG_OPEN_READONLY);
	struct kreg *other;

	open_mode(_i);
	ck_assert_int_eq(kreg_namespace_stop(k, "no/space", 0), -EINVAL);
	ck_assert_int_eq(kreg_namespace_stop(NULL, "production", 0), -EINVAL);
	other = mode_open_as(mode, "supervise_death", &reader);
	ck_assert_int_eq(kreg_namespace_stop(other, "production", 0), -EROFS);
	kreg_close(other);
	/* A name registered through another handle belongs to the process too. */
	other = mode_open(mode, "supervise_death");
	ck_assert_int_eq(kreg_service_register(other, "production", "x", NULL, 0, NULL), 0);
	ck_assert_int_eq(kreg_namespace_stop(k, "production", 0), 1);
	ck_assert_int_eq(kreg_service_lookup(k, "production", "x", NULL, 0, NULL), -ENOENT);
	kreg_close(other);
	kreg_close(k);
}
END_TEST

int main(int argc, char **argv)
{
	const TTest *const both[] = {
		the_services_of_a_killed_supervisor_are_gone,
		kept_services_go_on_and_are_taken_over,
		a_service_that_ended_unsupervised_is_started_by_the_next_supervisor,
		kept_services_are_refused_by_a_supervisor_that_does_not_keep,
		a_supervisor_belongs_to_the_process_and_not_to_its_children,
		stopping_a_namespace_asks_its_supervisor_first,
		a_supervisor_that_does_not_stop_is_killed_with_its_services,
		services_that_die_with_their_supervisor_are_counted_once,
		the_newest_services_are_stopped_first_in_any_state,
		services_reserved_in_line_and_of_the_caller_are_stopped_too,
		a_namespace_that_cannot_be_stopped_is_refused,
		NULL,
	};

	program_run(argc, argv);
	return modes_run(suite_create("supervise_death"), tcase_create("both"), both, NULL, NULL);
}
