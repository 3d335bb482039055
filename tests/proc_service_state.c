/* SPDX-License-Identifier: MIT */
/*
 * What supervisors report of their services: each state, how a run ended, when the next one is due; of
 * many services at once; and nothing when the supervisor is gone, or there is no memory for it.
 */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/inner.h"
#include "lib/kreg-services.h"
#include "tests/support/child.h"
#include "tests/support/guard.h"
#include "tests/support/journal.h"
#include "tests/support/program.h"
#include "tests/support/tmp.h"

#define HOUR_MS 3600000

static struct kreg *k;
static struct journal journal;
static int mode;

static const char *const sleep_argv[] = { PROGRAM, "sleep", NULL };
static const char *const obey_argv[] = { PROGRAM, "obey", "9", NULL };
static const char *const exit_argv[] = { PROGRAM, "exit", "0", NULL };
static const char *const missing_argv[] = { "/no/such/program", NULL };
static const KREG_START(sleeping, .argv = sleep_argv);
static const KREG_START(obeying, .argv = obey_argv, .ready = KREG_READY_FD, .ready_fd = 9);
static const KREG_START(exiting, .argv = exit_argv);
static const KREG_START(missing, .argv = missing_argv);

static void open_mode(int in)
{
	mode = in;
	k = mode_open(in, "state");
	journal_init(&journal, k);
}

static struct kreg_supervisor *supervise(const char *space, struct kreg_supervision *what)
{
	struct kreg_supervisor *supervisor = NULL;
	char why[KREG_ROLE_MAX + 1];
	int err;

	what->log = journal_log;
	what->log_data = &journal;
	err = kreg_supervise(&supervisor, k, space, what, why, sizeof(why));
	ck_assert_msg(!err, "%s: %s", why, kreg_strerror(err));
	return supervisor;
}

static int look(const char *space, const char *role, struct kreg_service_state *state)
{
	*state = (struct kreg_service_state){ .size = sizeof(*state) };
	return kreg_service_state(k, space, role, state);
}

/* Returns when @role of production is in that state; a minute fails the test. 0: nothing is reported. */
static struct kreg_service_state await(const char *role, uint32_t wanted)
{
	struct kreg_service_state state;
	int tries, err = 0;

	for (tries = 0; tries < 60000; tries++) {
		err = look("production", role, &state);
		if (err == -ENOENT && !wanted)
			return state;
		if (!err && state.state == wanted)
			return state;
		poll(NULL, 0, 1);
	}
	ck_abort_msg("%s: state %u (%s) instead of %u", role, state.state, kreg_strerror(err),
		     wanted);
}

static void is(const char *role, uint32_t wanted)
{
	struct kreg_service_state state;

	ck_assert_int_eq(look("production", role, &state), 0);
	ck_assert_msg(state.state == wanted, "%s: state %u instead of %u", role, state.state,
		      wanted);
}

/* ---- from its turn to the supervisor's end */

/* A service that is ready when somebody writes to the fifo, and one that waits for it. */
static int be_supervisor(int link, void *data)
{
	char script[512];
	const char *const argv[] = { "/bin/sh", "-c", script, NULL };
	const KREG_START(slow, .argv = argv, .ready = KREG_READY_FD, .ready_fd = 9);
	const struct kreg_supervised services[] = { SERVICE("slow", slow),
						    SERVICE("behind", sleeping) };
	KREG_SUPERVISION(what, .services = services, .count = 2);
	struct kreg *own = mode_open(mode, "state");
	struct kreg_supervisor *supervisor;

	snprintf(script, sizeof(script), "read line <%s; echo >&9; exec sleep 100000",
		 (const char *)data);
	link_say(link, 0);
	link_say(link, kreg_supervise(&supervisor, own, "production", &what, NULL, 0));
	while (link_hear(link) == 0)
		;
	execl(PROGRAM, PROGRAM, "sleep", NULL);
	return 1;
}

static struct child start_supervisor(const char *name)
{
	static char fifo[256];
	struct kreg_service_state state;
	struct kreg_owner owner;
	struct child child;
	int fd;

	snprintf(fifo, sizeof(fifo), "%s/%s", tmp_directory(), name);
	ck_assert_int_eq(mkfifo(fifo, 0600), 0);
	child = child_start_ready(be_supervisor, fifo);
	state = await("slow", KREG_STATE_STARTING);
	ck_assert_int_eq(state.supervisor.pid, child.pid);
	ck_assert_int_eq(state.owner.pid, 0);
	ck_assert_int_eq(state.next_ms, -1);
	is("behind", KREG_STATE_WAITING);
	fd = open(fifo, O_WRONLY);
	ck_assert_int_eq(write(fd, "\n", 1), 1);
	close(fd);
	ck_assert_int_eq(link_hear(child.link), 0);
	is("behind", KREG_STATE_RUNNING);
	ck_assert_int_eq(look("production", "slow", &state), 0);
	ck_assert_uint_eq(state.state, KREG_STATE_RUNNING);
	ck_assert_uint_eq(state.restarts + state.in_row, 0);
	ck_assert_int_eq(state.error, 0);
	ck_assert_int_eq(state.end.code, KREG_END_UNKNOWN);
	ck_assert_int_eq(kreg_service_whereis(k, "production", "slow", &owner), 0);
	ck_assert_uint_eq(state.owner.token, owner.token);
	ck_assert_int_eq(state.owner.pid, owner.pid);
	ck_assert_int_eq(unlink(fifo), 0);
	return child;
}

START_TEST(a_service_waits_starts_and_runs_until_its_supervisor_is_killed)
{
	struct kreg_service_state state;
	struct child child;

	open_mode(_i);
	child = start_supervisor("killed");
	child_kill(&child);
	ck_assert_int_eq(look("production", "slow", &state), -ENOENT);
	ck_assert_int_eq(look("production", "behind", &state), -ENOENT);
	kreg_close(k);
}
END_TEST

START_TEST(what_was_reported_ends_with_the_supervisors_program)
{
	struct child child;

	open_mode(_i);
	child = start_supervisor("exec");
	link_say(child.link, 1);
	await("slow", 0);
	await("behind", 0);
	ck_assert_int_eq(kill(child.pid, 0), 0);
	child_kill(&child);
	kreg_close(k);
}
END_TEST

/* ---- ends */

START_TEST(an_end_is_reported_with_its_reason_and_what_comes_next)
{
	static const struct {
		const char *role;
		int signal;
		uint32_t state;
		int32_t code, status;
	} cases[] = {
		{ "permanent", SIGUSR2, KREG_STATE_RESTARTING, KREG_END_EXITED, 3 },
		{ "failing", SIGKILL, KREG_STATE_RESTARTING, KREG_END_KILLED, SIGKILL },
		{ "clean", SIGUSR1, KREG_STATE_DONE, KREG_END_EXITED, 0 },
		{ "temporary", SIGKILL, KREG_STATE_DONE, KREG_END_KILLED, SIGKILL },
	};
	const struct kreg_supervised services[] = {
		SERVICE("permanent", obeying, .restart_ms = HOUR_MS),
		SERVICE("failing", obeying, .restart_ms = HOUR_MS,
			.restart = KREG_RESTART_TRANSIENT),
		SERVICE("clean", obeying, .restart_ms = HOUR_MS, .restart = KREG_RESTART_TRANSIENT),
		SERVICE("temporary", obeying, .restart = KREG_RESTART_TEMPORARY),
		SERVICE("shot", exiting, .flags = KREG_SERVICE_ONESHOT),
		SERVICE("other", sleeping),
	};
	KREG_SUPERVISION(what, .services = services, .count = 6);
	struct kreg_supervisor *supervisor;
	struct kreg_service_state state;
	size_t i;

	open_mode(_i);
	supervisor = supervise("production", &what);
	is("shot", KREG_STATE_DONE);
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		journal_signal(&journal, cases[i].role, cases[i].signal);
		state = await(cases[i].role, cases[i].state);
		ck_assert_msg(state.end.code == cases[i].code &&
				      state.end.status == cases[i].status,
			      "%s: %d %d", cases[i].role, state.end.code, state.end.status);
		ck_assert_int_eq(state.owner.pid, 0);
		ck_assert_uint_eq(state.restarts, 0);
		ck_assert_int_ge(state.since_ms, 0);
		ck_assert_int_lt(state.since_ms, HOUR_MS);
		if (state.state != KREG_STATE_RESTARTING) {
			ck_assert_int_eq(state.next_ms, -1);
			continue;
		}
		ck_assert_uint_eq(state.in_row, 1);
		ck_assert_int_gt(state.next_ms, HOUR_MS / 2);
		ck_assert_int_le(state.next_ms, HOUR_MS);
	}
	is("other", KREG_STATE_RUNNING);
	kreg_supervisor_stop(supervisor);
	for (i = 0; i < sizeof(services) / sizeof(services[0]); i++)
		ck_assert_int_eq(look("production", services[i].role, &state), -ENOENT);
	journal_nothing_is_left(&journal);
	kreg_close(k);
}
END_TEST

START_TEST(restarts_are_counted)
{
	const struct kreg_supervised services[] = { SERVICE("a", sleeping) };
	KREG_SUPERVISION(what, .services = services, .count = 1, .intensity = 10,
			 .period_ms = HOUR_MS);
	struct kreg_supervisor *supervisor;
	struct kreg_service_state state;
	uint32_t i;

	open_mode(_i);
	supervisor = supervise("production", &what);
	for (i = 1; i <= 3; i++) {
		journal_signal(&journal, "a", SIGKILL);
		do {
			state = await("a", KREG_STATE_RUNNING);
		} while (state.restarts < i);
		ck_assert_uint_eq(state.restarts, i);
		ck_assert_uint_eq(state.in_row, i);
		ck_assert_int_eq(state.end.code, KREG_END_KILLED);
		ck_assert_int_eq(state.end.status, SIGKILL);
		ck_assert_int_eq(state.owner.pid, journal_pid_of(&journal, "a"));
	}
	kreg_supervisor_stop(supervisor);
	kreg_close(k);
}
END_TEST

START_TEST(a_service_whose_supervisor_is_stopped_is_not_running_when_it_is_dead)
{
	struct kreg_service_state state;
	struct kreg_owner owner;
	struct child child;

	open_mode(_i);
	child = start_supervisor("stopped");
	ck_assert_int_eq(kill(child.pid, SIGSTOP), 0);
	child_await_stop(&child);
	ck_assert_int_eq(kreg_service_whereis(k, "production", "behind", &owner), 0);
	ck_assert_int_eq(kreg_service_signal(k, "production", "behind", SIGKILL), 0);
	ck_assert_int_eq(kreg_service_await_gone(k, "production", "behind", &owner, 60000), 0);
	ck_assert_int_eq(look("production", "behind", &state), 0);
	ck_assert_uint_eq(state.state, KREG_STATE_ENDED);
	ck_assert_int_eq(state.owner.pid, owner.pid);
	is("slow", KREG_STATE_RUNNING);
	ck_assert_int_eq(kill(child.pid, SIGCONT), 0);
	/* It may restart it once. */
	state = await("behind", KREG_STATE_RUNNING);
	ck_assert_uint_eq(state.restarts, 1);
	child_kill(&child);
	kreg_close(k);
}
END_TEST

/* ---- giving up */

static int supervise_once(int link, void *data)
{
	struct kreg *own = mode_open(mode, "state");
	const struct kreg_supervised services[] = { SERVICE("b", sleeping) };
	KREG_SUPERVISION(what, .services = services, .count = 1);
	struct kreg_supervisor *supervisor;

	(void)data;
	link_say(link, kreg_supervise(&supervisor, own, "production", &what, NULL, 0));
	link_hear(link);
	kreg_supervisor_stop(supervisor);
	link_say(link, 0);
	link_hear(link);
	return 0;
}

START_TEST(a_tree_that_was_given_up_is_reported_until_it_is_freed)
{
	char path[256];
	const char *const argv[] = { path, "100000", NULL };
	const KREG_START(vanishing, .argv = argv);
	const struct kreg_supervised services[] = { SERVICE("a", sleeping), SERVICE("b", vanishing),
						    SERVICE("c", sleeping) };
	KREG_SUPERVISION(what, .services = services, .count = 3);
	struct kreg_supervisor *supervisor;
	struct kreg_service_state state;
	struct pollfd over;
	struct child next;

	open_mode(_i);
	snprintf(path, sizeof(path), "%s/vanishing", tmp_directory());
	ck_assert_int_eq(symlink("/bin/sleep", path), 0);
	supervisor = supervise("production", &what);
	ck_assert_int_eq(unlink(path), 0);
	journal_signal(&journal, "b", SIGKILL);
	over = (struct pollfd){ .fd = kreg_supervisor_fd(supervisor), .events = POLLIN };
	ck_assert_int_eq(poll(&over, 1, 60000), 1);
	ck_assert_int_eq(kreg_supervisor_state(supervisor), -ENOTRECOVERABLE);
	ck_assert_int_eq(look("production", "b", &state), 0);
	ck_assert_uint_eq(state.state, KREG_STATE_FAILED);
	ck_assert_int_eq(state.error, -ENOEXEC);
	ck_assert_uint_eq(state.restarts, 1);
	ck_assert_int_eq(state.end.code, KREG_END_KILLED);
	is("a", KREG_STATE_STOPPED);
	is("c", KREG_STATE_STOPPED);
	/* Another one's state is newer. */
	next = child_start_ready(supervise_once, NULL);
	is("b", KREG_STATE_RUNNING);
	is("a", KREG_STATE_STOPPED);
	ck_assert_int_eq(child_ask(&next, 0), 0);
	is("b", KREG_STATE_FAILED);
	link_say(next.link, 0);
	ck_assert_int_eq(child_end(&next), 0);
	kreg_supervisor_stop(supervisor);
	ck_assert_int_eq(look("production", "a", &state), -ENOENT);
	ck_assert_int_eq(look("production", "b", &state), -ENOENT);
	journal_nothing_is_left(&journal);
	kreg_close(k);
}
END_TEST

START_TEST(a_change_reports_what_it_could_not_start_and_forgets_what_is_gone)
{
	const struct kreg_supervised before[] = { SERVICE("same", sleeping),
						  SERVICE("gone", sleeping) };
	const struct kreg_supervised after[] = {
		SERVICE("missing", missing),
		SERVICE("behind", sleeping, .after = AFTER("missing")),
		SERVICE("new", sleeping),
		SERVICE("same", sleeping),
	};
	KREG_SUPERVISION(first, .services = before, .count = 2);
	KREG_SUPERVISION(second, .services = after, .count = 4);
	struct kreg_supervisor *supervisor;
	struct kreg_service_state state;

	open_mode(_i);
	supervisor = supervise("production", &first);
	is("gone", KREG_STATE_RUNNING);
	ck_assert_int_eq(kreg_supervisor_change(supervisor, &second, NULL, 0), -ENOEXEC);
	ck_assert_int_eq(look("production", "gone", &state), -ENOENT);
	ck_assert_int_eq(look("production", "missing", &state), 0);
	ck_assert_uint_eq(state.state, KREG_STATE_FAILED);
	ck_assert_int_eq(state.error, -ENOEXEC);
	ck_assert_int_eq(look("production", "behind", &state), 0);
	ck_assert_uint_eq(state.state, KREG_STATE_FAILED);
	ck_assert_int_eq(state.error, -ECANCELED);
	is("new", KREG_STATE_RUNNING);
	is("same", KREG_STATE_RUNNING);
	kreg_supervisor_stop(supervisor);
	kreg_close(k);
}
END_TEST

/* ---- many */

#define SPACES 10
#define ROLES 20

struct seen {
	char last[512];
	uint32_t services, states[KREG_STATE_FAILED + 1];
};

static int count_state(const char *space, const char *role, const struct kreg_service_state *state,
		       void *data)
{
	struct seen *seen = data;
	char name[512];

	snprintf(name, sizeof(name), "%s %s", space, role);
	ck_assert_msg(strcmp(name, seen->last) > 0, "%s behind %s", name, seen->last);
	strcpy(seen->last, name);
	ck_assert_int_eq(state->supervisor.pid, getpid());
	seen->services++;
	seen->states[state->state]++;
	return 0;
}

static struct seen count_states(const char *space)
{
	struct seen seen = { 0 };

	ck_assert_int_eq(kreg_service_state_each(k, space, count_state, &seen), 0);
	return seen;
}

static int stop_at_once(const char *space, const char *role, const struct kreg_service_state *state,
			void *data)
{
	(void)space, (void)role, (void)state, (void)data;
	return 7;
}

static int count_entry(const struct kreg_entry *entry, void *data)
{
	(void)entry;
	(*(int *)data)++;
	return 0;
}

START_TEST(of_two_hundred_services_the_three_that_are_restarting_are_reported)
{
	struct kreg_supervised services[ROLES];
	char roles[ROLES][8], space[16];
	KREG_SUPERVISION(what, .services = services, .count = ROLES);
	static const char *const killed[][2] = { { "n2", "s03" },
						 { "n2", "s11" },
						 { "n7", "s00" } };
	struct kreg_supervisor *supervisors[SPACES];
	struct kreg_service_state state;
	struct seen seen;
	int i, entries = 0;

	open_mode(_i);
	for (i = 0; i < ROLES; i++) {
		snprintf(roles[i], sizeof(roles[i]), "s%02d", i);
		services[i] =
			(struct kreg_supervised)SERVICE(roles[i], sleeping, .restart_ms = HOUR_MS);
	}
	for (i = 0; i < SPACES; i++) {
		snprintf(space, sizeof(space), "n%d", i);
		supervisors[i] = supervise(space, &what);
	}
	seen = count_states(NULL);
	ck_assert_uint_eq(seen.states[KREG_STATE_RUNNING], SPACES * ROLES);
	for (i = 0; i < 3; i++) {
		ck_assert_int_eq(kreg_service_signal(k, killed[i][0], killed[i][1], SIGKILL), 0);
		do {
			ck_assert_int_eq(look(killed[i][0], killed[i][1], &state), 0);
		} while (state.state != KREG_STATE_RESTARTING);
	}
	seen = count_states(NULL);
	ck_assert_uint_eq(seen.services, SPACES * ROLES);
	ck_assert_uint_eq(seen.states[KREG_STATE_RUNNING], SPACES * ROLES - 3);
	ck_assert_uint_eq(seen.states[KREG_STATE_RESTARTING], 3);
	seen = count_states("n2");
	ck_assert_uint_eq(seen.services, ROLES);
	ck_assert_uint_eq(seen.states[KREG_STATE_RESTARTING], 2);
	ck_assert_uint_eq(count_states("n").services, 0);
	ck_assert_int_eq(kreg_service_state_each(k, NULL, stop_at_once, NULL), 7);
	/* None of it is a name. */
	ck_assert_int_eq(kreg_count(k), SPACES * (ROLES + 1) - 3);
	ck_assert_int_eq(kreg_each(k, NULL, 0, count_entry, &entries), 0);
	ck_assert_int_eq(entries, SPACES * (ROLES + 1) - 3);
	for (i = 0; i < SPACES; i++)
		kreg_supervisor_stop(supervisors[i]);
	ck_assert_uint_eq(count_states(NULL).services, 0);
	ck_assert_int_eq(kreg_count(k), 0);
	kreg_close(k);
}
END_TEST

START_TEST(the_longest_names_are_reported_and_read_through_any_handle)
{
	char space[KREG_NAMESPACE_MAX + 1] = { 0 }, role[KREG_ROLE_MAX + 1] = { 0 };
	const struct kreg_supervised services[] = { SERVICE(role, sleeping) };
	KREG_SUPERVISION(what, .services = services, .count = 1);
	KREG_OPTIONS(options, .flags = KREG_OPEN_READONLY);
	struct kreg_supervisor *supervisor;
	struct kreg_service_state state;
	struct kreg *own;
	pid_t pid;
	int status;

	memset(space, 's', KREG_NAMESPACE_MAX);
	memset(role, '~', KREG_ROLE_MAX);
	open_mode(_i);
	own = k;
	supervisor = supervise(space, &what);
	k = mode_open_as(_i, "state", &options);
	ck_assert_uint_eq(count_states(space).states[KREG_STATE_RUNNING], 1);
	ck_assert_int_eq(look(space, role, &state), 0);
	kreg_close(k);
	k = own;
	pid = fork();
	if (!pid) {
		state = (struct kreg_service_state){ .size = sizeof(state) };
		_exit(kreg_service_state(k, space, role, &state) ||
		      state.state != KREG_STATE_RUNNING);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
	kreg_supervisor_stop(supervisor);
	kreg_close(k);
}
END_TEST

/* ---- memory */

/* The memory that this process may use, to the smallest block. */
static void fill(int *number)
{
	static const size_t sizes[] = { 1000, 400, 200, 80, 1 };
	static const char value[1000];
	size_t i;
	int err;

	for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		do {
			err = kreg_register(k, number, sizeof(*number), value, sizes[i], NULL);
			*number += !err;
		} while (!err);
		ck_assert_int_eq(err, -EDQUOT);
	}
}

START_TEST(where_no_memory_is_left_nothing_false_is_reported_and_it_is_reported_later)
{
	const struct kreg_supervised services[] = { SERVICE("a", sleeping, .restart_ms = 1) };
	KREG_SUPERVISION(what, .services = services, .count = 1, .intensity = 1000000,
			 .period_ms = HOUR_MS);
	KREG_OPTIONS(options, .owner_bytes = 65536);
	struct kreg_supervisor *supervisor;
	struct kreg_service_state state;
	int number = 0;

	mode = _i;
	k = mode_open_as(_i, "state_full", &options);
	journal_init(&journal, k);
	supervisor = supervise("production", &what);
	fill(&number);
	is("a", KREG_STATE_RUNNING);
	journal_signal(&journal, "a", SIGKILL);
	/* What the service had, and what was reported of it before, becomes free. */
	do {
		fill(&number);
	} while (look("production", "a", &state) != -ENOENT);
	while (!journal_has(&journal, "production: the state of its services is not shown"))
		poll(NULL, 0, 1);
	while (number--)
		ck_assert_int_eq(kreg_unregister(k, &number, sizeof(number)), 1);
	state = await("a", KREG_STATE_RUNNING);
	ck_assert_uint_gt(state.restarts, 0);
	ck_assert_int_eq(state.end.status, SIGKILL);
	kreg_supervisor_stop(supervisor);
	kreg_close(k);
}
END_TEST

START_TEST(a_state_that_is_none_is_not_reported)
{
	struct reported_state reported = { .supervisor = 1, .state = KREG_STATE_FAILED + 1 };
	struct kreg_service_state state;

	open_mode(_i);
	ck_assert_int_eq(kreg_inner_report(k, "production", "a", &reported), 0);
	ck_assert_int_eq(look("production", "a", &state), -ENOENT);
	ck_assert_uint_eq(count_states(NULL).services, 0);
	reported.state = KREG_STATE_RUNNING;
	reported.program = UINT64_MAX;
	ck_assert_int_eq(kreg_inner_report(k, "production", "a", &reported), 0);
	is("a", KREG_STATE_ENDED);
	kreg_inner_unreport(k, "production", "a", 2);
	is("a", KREG_STATE_ENDED);
	kreg_inner_unreport(k, "production", "a", 1);
	ck_assert_int_eq(look("production", "a", &state), -ENOENT);
	kreg_close(k);
}
END_TEST

int main(int argc, char **argv)
{
	const TTest *const both[] = {
		a_service_waits_starts_and_runs_until_its_supervisor_is_killed,
		what_was_reported_ends_with_the_supervisors_program,
		an_end_is_reported_with_its_reason_and_what_comes_next,
		restarts_are_counted,
		a_service_whose_supervisor_is_stopped_is_not_running_when_it_is_dead,
		a_tree_that_was_given_up_is_reported_until_it_is_freed,
		a_change_reports_what_it_could_not_start_and_forgets_what_is_gone,
		of_two_hundred_services_the_three_that_are_restarting_are_reported,
		the_longest_names_are_reported_and_read_through_any_handle,
		where_no_memory_is_left_nothing_false_is_reported_and_it_is_reported_later,
		a_state_that_is_none_is_not_reported,
		NULL,
	};

	program_run(argc, argv);
	return modes_run(suite_create("service_state"), tcase_create("both"), both, NULL, NULL);
}
