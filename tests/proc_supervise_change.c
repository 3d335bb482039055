/* SPDX-License-Identifier: MIT */
/*
 * A supervisor whose plan is changed, or that is stopped, while it starts services and while
 * it stops them.
 */
#include <check.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "tests/support/guard.h"
#include "tests/support/program.h"
#include "tests/support/journal.h"

static struct kreg *k;
static struct journal journal;

static void open_mode(int mode)
{
	k = mode_open(mode, "supervise_change");
	journal_init(&journal, k);
}

static const char *const sleep_argv[] = { PROGRAM, "sleep", NULL };
static const char *const missing_argv[] = { "/no/such/program", NULL };
static const char *const exit_argv[] = { PROGRAM, "exit", "0", NULL };
static const char *const stubborn_argv[] = { "/bin/sh", "-c",
					     "trap '' TERM; echo >&9; exec sleep 100000", NULL };
static const KREG_START(sleeping, .argv = sleep_argv);
static const KREG_START(valued, .argv = sleep_argv, .value = "other", .value_size = 5);
static const KREG_START(missing, .argv = missing_argv);
static const KREG_START(exiting, .argv = exit_argv);
static const KREG_START(stubborn, .argv = stubborn_argv, .ready = KREG_READY_FD, .ready_fd = 9);
static const KREG_START(never, .argv = sleep_argv, .ready = KREG_READY_NOTIFY);

static void close_clean(void)
{
	journal_nothing_is_left(&journal);
	kreg_close(k);
}

START_TEST(a_change_starts_what_is_new_stops_what_is_gone_and_restarts_what_differs)
{
	const struct kreg_supervised before[] = {
		SERVICE("same", sleeping),
		SERVICE("changed", sleeping),
		SERVICE("gone", sleeping),
		SERVICE("shot", exiting, .flags = KREG_SERVICE_ONESHOT),
		SERVICE("last", sleeping, .restart = KREG_RESTART_TEMPORARY),
	};
	const struct kreg_supervised after[] = {
		SERVICE("new", sleeping, .after = AFTER("changed")),
		SERVICE("last", sleeping, .after = AFTER("new")),
		SERVICE("changed", valued),
		SERVICE("shot", exiting, .flags = KREG_SERVICE_ONESHOT),
		SERVICE("same", sleeping, .restart = KREG_RESTART_TRANSIENT),
	};
	KREG_SUPERVISION(first, .services = before, .count = 5);
	KREG_SUPERVISION(second, .services = after, .count = 5, .log = journal_log,
			 .log_data = &journal, .intensity = 5);
	struct kreg_supervisor *supervisor;
	char why[KREG_ROLE_MAX + 1], value[5];
	pid_t same, last;

	open_mode(_i);
	supervisor = journal_supervise(&journal, &first, "+same1 +changed2 +gone3 =shot3 +last4 ");
	same = journal_pid_of(&journal, "same");
	last = journal_pid_of(&journal, "last");
	ck_assert_int_eq(kreg_supervisor_change(supervisor, &second, why, sizeof(why)), 0);
	journal_await(&journal, "-gone3 -changed2 +changed3 +new4 ");
	ck_assert_int_eq(journal_pid_of(&journal, "same"), same);
	ck_assert_int_eq(journal_pid_of(&journal, "last"), last);
	ck_assert_int_eq(kreg_service_lookup(k, "production", "changed", value, 5, NULL), 5);
	journal_forget(&journal);
	/* Services left alone are supervised by the new policy, and so are the new ones. */
	journal_signal(&journal, "last", SIGKILL);
	journal_await(&journal, "!last3 +last4 ");
	journal_forget(&journal);
	journal_signal(&journal, "new", SIGKILL);
	journal_await(&journal, "!new3 +new4 ");
	journal_forget(&journal);
	/* In the reverse of the new order. */
	kreg_supervisor_stop(supervisor);
	journal_await(&journal, "-same3 -last2 -new1 -changed0 ");
	close_clean();
}
END_TEST

START_TEST(an_invalid_plan_changes_nothing)
{
	const struct kreg_supervised before[] = { SERVICE("a", sleeping), SERVICE("b", sleeping) };
	const struct kreg_supervised wrong[] = { SERVICE("c", sleeping, .after = AFTER("d")) };
	KREG_SUPERVISION(first, .services = before, .count = 2);
	KREG_SUPERVISION(second, .services = wrong, .count = 1);
	struct kreg_supervisor *supervisor;
	char why[KREG_ROLE_MAX + 1];
	pid_t a;

	open_mode(_i);
	supervisor = journal_supervise(&journal, &first, "+a1 +b2 ");
	a = journal_pid_of(&journal, "a");
	ck_assert_int_eq(kreg_supervisor_change(supervisor, &second, why, sizeof(why)), -EINVAL);
	ck_assert_str_eq(why, "c");
	ck_assert_int_eq(kreg_supervisor_change(supervisor, NULL, why, sizeof(why)), -EINVAL);
	ck_assert_int_eq(kreg_supervisor_change(NULL, &second, why, sizeof(why)), -EINVAL);
	ck_assert_int_eq(journal_pid_of(&journal, "a"), a);
	ck_assert_str_eq(journal.events, "");
	kreg_supervisor_stop(supervisor);
	close_clean();
}
END_TEST

START_TEST(a_service_that_cannot_be_started_stays_down_until_the_next_change)
{
	const struct kreg_supervised before[] = { SERVICE("a", sleeping) };
	const struct kreg_supervised broken[] = {
		SERVICE("a", sleeping),
		SERVICE("b", missing),
		SERVICE("c", sleeping, .after = AFTER("b")),
		SERVICE("d", sleeping),
	};
	const struct kreg_supervised mended[] = {
		SERVICE("a", sleeping),
		SERVICE("b", sleeping),
		SERVICE("c", sleeping, .after = AFTER("b")),
		SERVICE("d", sleeping),
	};
	KREG_SUPERVISION(first, .services = before, .count = 1);
	KREG_SUPERVISION(second, .services = broken, .count = 4, .log = journal_log,
			 .log_data = &journal);
	KREG_SUPERVISION(third, .services = mended, .count = 4, .log = journal_log,
			 .log_data = &journal);
	struct kreg_supervisor *supervisor;
	char why[KREG_ROLE_MAX + 1];

	open_mode(_i);
	supervisor = journal_supervise(&journal, &first, "+a1 ");
	ck_assert_int_eq(kreg_supervisor_change(supervisor, &second, why, sizeof(why)), -ENOEXEC);
	ck_assert_str_eq(why, "b");
	journal_await(&journal, "?b1 +d2 ");
	ck_assert(journal_has(&journal, "production/c: not started: a service that"));
	journal_forget(&journal);
	ck_assert_int_eq(kreg_supervisor_change(supervisor, &third, why, sizeof(why)), 0);
	journal_await(&journal, "+b3 +c4 ");
	kreg_supervisor_stop(supervisor);
	close_clean();
}
END_TEST

struct starter {
	struct kreg_supervision what;
	struct kreg_supervisor *supervisor;
	int result;
};

static void *supervise(void *data)
{
	struct starter *starter = data;

	starter->result =
		kreg_supervise(&starter->supervisor, k, "production", &starter->what, NULL, 0);
	return NULL;
}

static void order(int orders)
{
	const uint64_t one = 1;

	ck_assert_int_eq(write(orders, &one, sizeof(one)), sizeof(one));
}

START_TEST(a_stop_takes_effect_while_services_are_started)
{
	const struct kreg_supervised services[] = { SERVICE("a", sleeping), SERVICE("b", never) };
	struct starter starter = { .what = { .size = sizeof(starter.what),
					     .services = services,
					     .count = 2,
					     .log = journal_log,
					     .log_data = &journal } };
	pthread_t thread;

	open_mode(_i);
	starter.what.orders = eventfd(0, EFD_CLOEXEC);
	ck_assert_int_eq(pthread_create(&thread, NULL, supervise, &starter), 0);
	journal_await(&journal, "+a1 ");
	order(starter.what.orders);
	pthread_join(thread, NULL);
	ck_assert_int_eq(starter.result, -ECANCELED);
	journal_await(&journal, "+a1 -a0 ");
	ck_assert(journal_has(&journal, " ended by signal 15 (SIGTERM)"));
	close(starter.what.orders);
	close_clean();
}
END_TEST

START_TEST(a_second_stop_is_faster)
{
	struct kreg_supervised services[] = { SERVICE("a", sleeping), SERVICE("b", stubborn) };
	KREG_SUPERVISION(what, .services = services, .count = 2);
	struct kreg_supervisor *supervisor;
	struct pollfd at = { .events = POLLIN };

	open_mode(_i);
	/* The stop would take longer than the test may. */
	services[1].stop_ms = 3600000;
	what.orders = eventfd(0, EFD_CLOEXEC);
	supervisor = journal_supervise(&journal, &what, "+a1 +b2 ");
	order(what.orders);
	/* The first order has been read. */
	at.fd = what.orders;
	while (poll(&at, 1, 0) == 1)
		usleep(1000);
	ck_assert_int_eq(kreg_supervisor_state(supervisor), 0);
	order(what.orders);
	at.fd = kreg_supervisor_fd(supervisor);
	ck_assert_int_eq(poll(&at, 1, 60000), 1);
	ck_assert_int_eq(kreg_supervisor_state(supervisor), -ECANCELED);
	journal_await(&journal, "-b1 -a0 ");
	ck_assert(journal_has(&journal, " ended by signal 9 (SIGKILL)"));
	/* Changes are refused from now on. */
	ck_assert_int_eq(kreg_supervisor_change(supervisor, &what, NULL, 0), -ESHUTDOWN);
	kreg_supervisor_stop(supervisor);
	close(what.orders);
	close_clean();
}
END_TEST

int main(int argc, char **argv)
{
	const TTest *const both[] = {
		a_change_starts_what_is_new_stops_what_is_gone_and_restarts_what_differs,
		an_invalid_plan_changes_nothing,
		a_service_that_cannot_be_started_stays_down_until_the_next_change,
		a_stop_takes_effect_while_services_are_started,
		a_second_stop_is_faster,
		NULL,
	};

	program_run(argc, argv);
	return modes_run(suite_create("supervise_change"), tcase_create("both"), both, NULL, NULL);
}
