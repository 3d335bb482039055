/* SPDX-License-Identifier: MIT */
/*
 * The messages that a service sends by sd_notify(3) are received while it runs, and those
 * of other processes are ignored.
 */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/services/start/start_program.h"
#include "tests/support/child.h"
#include "tests/support/guard.h"
#include "tests/support/notifier.h"
#include "tests/support/unit.h"

#define NOBODY 65534
#define LONG_MS 60000

static struct kreg *k;
static int mode;

static void open_mode(int in)
{
	mode = in;
	k = mode_open(in, "notify");
}

#define SAYS(...)                                                                                  \
	(const char *const[])                                                                      \
	{                                                                                          \
		NOTIFIER, "say", __VA_ARGS__, NULL                                                 \
	}

static struct kreg_started start_as(struct kreg_start *how)
{
	struct kreg_started started = { .size = sizeof(started) };

	how->ready = KREG_READY_NOTIFY;
	how->flags |= KREG_START_ATTEND | KREG_START_DIES_WITH_STARTER;
	ck_assert_int_eq(kreg_service_start(k, "production", "config", how, &started), 0);
	ck_assert_ptr_nonnull(started.program);
	return started;
}

static struct kreg_program_state state_of(const struct kreg_started *started)
{
	struct kreg_program_state state = { .size = sizeof(state) };

	ck_assert_int_eq(kreg_program_state(started->program, &state), 0);
	return state;
}

/* Valid until it is called again: a status in a result ends with the expression that it is in. */
static const char *status_of(const struct kreg_started *started)
{
	static struct kreg_program_state state;

	state = state_of(started);
	return state.status;
}

static bool is_notified(const struct kreg_started *started, int ms)
{
	struct pollfd at = { .fd = kreg_program_fd(started->program), .events = POLLIN };

	return poll(&at, 1, ms) == 1;
}

/* Receives one message, or checks the watchdog. False: neither happened within @ms. */
static bool hear(const struct kreg_started *started, int ms)
{
	if (!is_notified(started, ms))
		return false;
	ck_assert_int_eq(kreg_program_hear(started->program), 0);
	return true;
}

/*
 * The same for a service that may end meanwhile: on a loaded machine before its name is
 * published.
 */
static void hear_last(const struct kreg_started *started)
{
	int err = is_notified(started, 10) ? kreg_program_hear(started->program) : 0;

	ck_assert_msg(!err || err == -ECHILD, "%d", err);
}

static void hear_until_status(const struct kreg_started *started, const char *wanted)
{
	while (strcmp(state_of(started).status, wanted))
		ck_assert_msg(hear(started, LONG_MS), "timed out; status: %s",
			      state_of(started).status);
}

static struct kreg_service_health health(void)
{
	struct kreg_service_health health = { .size = sizeof(health) };

	ck_assert_int_eq(kreg_service_health(k, "production", "config", &health), 0);
	return health;
}

/* Receives its messages until it has ended. */
static int end_of(struct kreg_started *started)
{
	int status;

	while (waitpid(started->child, &status, WNOHANG) != started->child)
		hear_last(started);
	kreg_program_close(started->program);
	return status;
}

static void end(struct kreg_started *started)
{
	ck_assert_int_eq(kill(started->owner.pid, SIGKILL), 0);
	ck_assert_int_eq(waitpid(started->child, NULL, 0), started->child);
	kreg_program_close(started->program);
}

START_TEST(the_status_of_a_service_is_shown_while_it_runs)
{
	KREG_START(how, .argv = SAYS("STATUS=soon", "wait", "READY=1,STATUS=up",
				     "RELOADING=1,STATUS=reads", "wait", "READY=1,STATUS=as before",
				     "wait", "STOPPING=1,STATUS=ends"));
	struct kreg_started started;
	struct kreg *reader;
	KREG_OPTIONS(read_only, .flags = KREG_OPEN_READONLY);

	open_mode(_i);
	started = start_as(&how);
	ck_assert_int_eq(state_of(&started).published, -EINPROGRESS);
	ck_assert_uint_eq(state_of(&started).says, KREG_PROGRAM_STARTING);
	hear_until_status(&started, "soon");
	kill(started.owner.pid, SIGUSR1);
	hear_until_status(&started, "reads");
	ck_assert_int_eq(state_of(&started).published, 0);
	ck_assert_int_eq(kreg_service_lookup(k, "production", "config", NULL, 0, NULL), 0);
	ck_assert_uint_eq(health().says, KREG_PROGRAM_RELOADING);
	kill(started.owner.pid, SIGUSR1);
	hear_until_status(&started, "as before");
	ck_assert_uint_eq(health().says, KREG_PROGRAM_READY);
	ck_assert_int_eq(health().main_pid, started.owner.pid);
	kill(started.owner.pid, SIGUSR1);
	hear_until_status(&started, "ends");
	reader = mode_open_as(mode, "notify", &read_only);
	{
		struct kreg_service_health seen = { .size = sizeof(seen) };

		ck_assert_int_eq(kreg_service_health(reader, "production", "config", &seen), 0);
		ck_assert_uint_eq(seen.says, KREG_PROGRAM_STOPPING);
		ck_assert_str_eq(seen.status, "ends");
	}
	kreg_close(reader);
	/* The status is not a name. */
	ck_assert_int_eq(kreg_count(k), 1);
	/* Once no process receives its messages, its state is unknown. */
	kreg_program_close(started.program);
	started.program = NULL;
	ck_assert_uint_eq(health().says, KREG_PROGRAM_SILENT);
	ck_assert(!*health().status);
	end(&started);
	kreg_close(k);
}
END_TEST

/* Sends @text to the socket of the program @pid, as @uid. */
static void send_to(pid_t pid, const char *text, uid_t uid)
{
	char path[64], environment[65536];
	const char *at;
	ssize_t size;
	pid_t child;
	int fd, status;

	snprintf(path, sizeof(path), "/proc/%d/environ", pid);
	fd = open(path, O_RDONLY);
	size = read(fd, environment, sizeof(environment) - 1);
	close(fd);
	ck_assert_int_gt(size, 0);
	environment[size] = 0;
	for (at = environment; strncmp(at, "NOTIFY_SOCKET=", 14); at += strlen(at) + 1)
		ck_assert(at < environment + size);
	child = fork();
	if (!child) {
		if (uid && setuid(uid))
			_exit(1);
		setenv("NOTIFY_SOCKET", at + 14, 1);
		notifier_send(text, -1);
		_exit(0);
	}
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert_int_eq(status, 0);
}

START_TEST(messages_of_other_processes_are_ignored)
{
	KREG_START(how, .argv = SAYS("STATUS=soon", "wait", "READY=1,STATUS=up"));
	const uid_t users[] = { getuid(), getuid() ? getuid() : NOBODY };
	struct kreg_started started;
	size_t i;

	open_mode(_i);
	started = start_as(&how);
	hear_until_status(&started, "soon");
	for (i = 0; i < 2; i++) {
		send_to(started.owner.pid, "READY=1,STATUS=forged,MAINPID=1,X_KREG_VALUE=forged",
			users[i]);
		ck_assert(hear(&started, LONG_MS));
		ck_assert_str_eq(status_of(&started), "soon");
		ck_assert_uint_eq(state_of(&started).says, KREG_PROGRAM_STARTING);
		ck_assert_int_eq(state_of(&started).published, -EINPROGRESS);
	}
	kill(started.owner.pid, SIGUSR1);
	hear_until_status(&started, "up");
	ck_assert_int_eq(kreg_service_lookup(k, "production", "config", NULL, 0, NULL), 0);
	ck_assert_int_eq(state_of(&started).main_pid, started.owner.pid);
	end(&started);
	kreg_close(k);
}
END_TEST

START_TEST(messages_of_a_service_that_has_dropped_privileges_are_accepted)
{
	KREG_START(how, .argv = SAYS("drop", "READY=1,STATUS=up"));
	struct kreg_started started;

	open_mode(_i);
	started = start_as(&how);
	hear_until_status(&started, "up");
	ck_assert_uint_eq(health().ready, 1);
	end(&started);
	kreg_close(k);
}
END_TEST

/* The second has left its session, the third has lost its parent. */
START_TEST(messages_of_the_children_of_a_service_are_accepted)
{
	KREG_START(how, .argv = SAYS("child:STATUS=child", "wait", "apart:STATUS=apart", "wait",
				     "orphan:STATUS=orphan"));
	struct kreg_started started;

	open_mode(_i);
	started = start_as(&how);
	hear_until_status(&started, "child");
	kill(started.owner.pid, SIGUSR1);
	hear_until_status(&started, "apart");
	kill(started.owner.pid, SIGUSR1);
	hear_until_status(&started, "orphan");
	end(&started);
	kreg_close(k);
}
END_TEST

START_TEST(a_main_pid_is_accepted_if_it_is_a_process_of_the_service)
{
	KREG_START(how, .argv = SAYS("READY=1,MAINPID=1", "STATUS=first", "wait", "main",
				     "STATUS=second"));
	struct kreg_started started;

	open_mode(_i);
	started = start_as(&how);
	hear_until_status(&started, "first");
	ck_assert_int_eq(health().main_pid, started.owner.pid);
	kill(started.owner.pid, SIGUSR1);
	hear_until_status(&started, "second");
	ck_assert_int_ne(health().main_pid, started.owner.pid);
	ck_assert_int_eq(getpgid(health().main_pid), getpgid(started.owner.pid));
	end(&started);
	kreg_close(k);
}
END_TEST

START_TEST(a_barrier_is_answered_and_received_fds_are_closed)
{
	KREG_START(how, .argv = SAYS("READY=1", "barrier", "found", "fds:FDSTORE=1,FDNAME=x",
				     "barrier", "fds:STATUS=many", "barrier", "exit:7"));
	struct kreg_started started;
	int before, status;

	open_mode(_i);
	before = unit_entries("/proc/self/fd");
	started = start_as(&how);
	status = end_of(&started);
	ck_assert(WIFEXITED(status));
	ck_assert_int_eq(WEXITSTATUS(status), 7);
	ck_assert_int_eq(unit_entries("/proc/self/fd"), before);
	kreg_close(k);
}
END_TEST

START_TEST(odd_messages_are_parsed_correctly)
{
	KREG_START(how,
		   .argv = SAYS("nul", "long", "STATUS=", "=,===,READY=2,READY=1 ,ready=1",
				"WATCHDOG_USEC=99999999999999999999999,MAINPID=-1",
				"EXTEND_TIMEOUT_USEC=,X=1", "empty", "much", "wait", "STATUS=end"));
	struct kreg_started started;
	struct kreg_program_state state;

	open_mode(_i);
	started = start_as(&how);
	do {
		ck_assert(hear(&started, LONG_MS));
		state = state_of(&started);
	} while (state.status[0] != 'm');
	/* Truncated before the two-byte character that does not fit. */
	ck_assert_uint_eq(strlen(state.status), KREG_STATUS_MAX - 1);
	kill(started.owner.pid, SIGUSR1);
	hear_until_status(&started, "end");
	ck_assert_uint_eq(state_of(&started).says, KREG_PROGRAM_STARTING);
	ck_assert_uint_eq(state_of(&started).watchdog_ms, 0);
	end(&started);
	kreg_close(k);
}
END_TEST

START_TEST(a_missed_watchdog_kills_the_service)
{
	KREG_START(misses, .argv = SAYS("READY=1"), .watchdog_ms = 100);
	KREG_START(triggers, .argv = SAYS("READY=1,WATCHDOG=trigger"));
	KREG_START(late, .argv = SAYS("READY=1,WATCHDOG_USEC=50000"));
	/* Its watchdog begins when it ignores SIGABRT. */
	KREG_START(stubborn, .argv = SAYS("stubborn", "READY=1,WATCHDOG_USEC=100000"));
	KREG_START(stopped, .argv = SAYS("READY=1", "stop"), .watchdog_ms = 100);
	struct kreg_start *const all[] = { &misses, &triggers, &late, &stopped, &stubborn };
	struct kreg_started started;
	size_t i;
	int status;

	open_mode(_i);
	for (i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		started = start_as(all[i]);
		started.program->s.readiness.notify.abort_time = 100000000;
		if (all[i] == &misses || all[i] == &triggers || all[i] == &late)
			started.program->s.readiness.notify.abort_time = 60000000000;
		status = end_of(&started);
		ck_assert(WIFSIGNALED(status));
		ck_assert_int_eq(WTERMSIG(status), all[i] == &stubborn ? SIGKILL : SIGABRT);
	}
	kreg_close(k);
}
END_TEST

START_TEST(a_service_that_feeds_its_watchdog_is_left_alone)
{
	KREG_START(how,
		   .argv = SAYS("READY=1", "watchdog", "ping:40:60", "STATUS=lived", "STOPPING=1",
				"slow:1800", "exit:0"),
		   .watchdog_ms = 1500);
	struct kreg_started started;
	int status;

	open_mode(_i);
	started = start_as(&how);
	hear_until_status(&started, "lived");
	status = end_of(&started);
	/* It has announced its end, and may take its time. */
	ck_assert(WIFEXITED(status));
	ck_assert_int_eq(WEXITSTATUS(status), 0);
	kreg_close(k);
}
END_TEST

START_TEST(a_start_may_be_extended)
{
	KREG_START(how, .argv = SAYS("EXTEND_TIMEOUT_USEC=60000000", "slow:700", "READY=1"),
		   .ready = KREG_READY_NOTIFY, .timeout_ms = 400);
	struct kreg_started started = { .size = sizeof(started) };

	open_mode(_i);
	ck_assert_int_eq(kreg_service_start(k, "production", "config", &how, &started), 0);
	end(&started);
	kreg_close(k);
}
END_TEST

/* The first result is kept; @pid: the service's, 0: it does not run. */
static pid_t runs_as(void)
{
	struct kreg_owner owner;

	return kreg_service_lookup(k, "production", "config", NULL, 0, &owner) < 0 ? 0 : owner.pid;
}

/* The health of a service that is being restarted; empty while it does not run. */
static struct kreg_service_health health_if_it_runs(void)
{
	struct kreg_service_health is = { .size = sizeof(is) };
	int err = kreg_service_health(k, "production", "config", &is);

	ck_assert(!err || err == -ENOENT);
	return err ? (struct kreg_service_health){ 0 } : is;
}

static char said[4096];

static void keep_sentence(const char *sentence, void *data)
{
	(void)data;
	strncat(said, sentence, sizeof(said) - strlen(said) - 1);
}

START_TEST(a_supervisor_receives_messages_and_restarts_services_that_miss_their_watchdog)
{
	KREG_START(floods,
		   .argv = SAYS("READY=1", "flood:1000:STATUS=busy", "STATUS=done", "barrier",
				"ping:1000000:50"),
		   .ready = KREG_READY_NOTIFY, .watchdog_ms = 1000);
	const struct kreg_supervised services[] = {
		{ .size = sizeof(services[0]), .role = "config", .start = &floods },
	};
	KREG_SUPERVISION(what, .services = services, .count = 1, .intensity = 10,
			 .log = keep_sentence);
	struct kreg_supervisor *supervisor;
	pid_t first;

	open_mode(_i);
	said[0] = 0;
	ck_assert_int_eq(kreg_supervise(&supervisor, k, "production", &what, NULL, 0), 0);
	while (strcmp(health_if_it_runs().status, "done"))
		sched_yield();
	do {
		first = runs_as();
	} while (!first);
	/* A stopped service does not feed its watchdog. */
	kill(first, SIGSTOP);
	while (!runs_as() || runs_as() == first)
		usleep(1000);
	while (health_if_it_runs().says != KREG_PROGRAM_READY)
		sched_yield();
	kreg_supervisor_stop(supervisor);
	ck_assert_ptr_nonnull(strstr(said, "SIGABRT) after missing its watchdog"));
	kreg_close(k);
}
END_TEST

/* A manager above the supervisor: a socket, which $NOTIFY_SOCKET names. */
static int open_manager(void)
{
	struct sockaddr_un own = { .sun_family = AF_UNIX };
	socklen_t size = sizeof(own);
	char name[sizeof(own.sun_path) + 1];
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	ck_assert_int_eq(bind(fd, (struct sockaddr *)&own, sizeof(sa_family_t)), 0);
	ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&own, &size), 0);
	snprintf(name, sizeof(name), "@%.*s", (int)size - (int)sizeof(sa_family_t) - 1,
		 own.sun_path + 1);
	setenv("NOTIFY_SOCKET", name, 1);
	return fd;
}

/* Receives messages until @wanted comes. */
static void manager_receives(int manager, const struct kreg_started *started, const char *wanted)
{
	struct pollfd at = { .fd = manager, .events = POLLIN };
	char text[512];
	ssize_t size;

	while (!poll(&at, 1, 0))
		hear(started, 10);
	size = recv(manager, text, sizeof(text) - 1, 0);
	ck_assert_int_ge(size, 0);
	text[size] = 0;
	ck_assert_str_eq(text, wanted);
}

START_TEST(messages_of_a_service_are_forwarded_to_the_manager_above)
{
	KREG_START(how,
		   .argv = SAYS("STATUS=soon", "READY=1,MAINPID=1,STATUS=up,X_KREG_VALUE=here",
				"wait", "flood:200:WATCHDOG=1", "barrier", "STOPPING=1"),
		   .flags = KREG_START_PASS_ON);
	struct kreg_started started;
	char value[16];
	int manager, i;

	open_mode(_i);
	manager = open_manager();
	started = start_as(&how);
	manager_receives(manager, &started, "STATUS=soon");
	manager_receives(manager, &started, "READY=1\nSTATUS=up");
	/* The name is found earlier. */
	ck_assert_int_eq(kreg_service_lookup(k, "production", "config", value, sizeof(value), NULL),
			 4);
	kill(started.owner.pid, SIGUSR1);
	/* More than the manager's socket takes at once; messages wait, and none is lost. */
	for (i = 0; i < 5000; i++)
		hear(&started, 0);
	for (i = 0; i < 200; i++)
		manager_receives(manager, &started, "WATCHDOG=1");
	/* Its fd is attached; reading without it closes it. */
	manager_receives(manager, &started, "BARRIER=1");
	manager_receives(manager, &started, "STOPPING=1");
	end(&started);
	unsetenv("NOTIFY_SOCKET");
	close(manager);
	kreg_close(k);
}
END_TEST

START_TEST(a_foreground_service_shares_session_and_input_with_its_starter)
{
	KREG_START(how, .argv = SAYS("READY=1", "input"), .flags = KREG_START_FOREGROUND);
	struct kreg_started started;
	int ends[2];

	open_mode(_i);
	ck_assert_int_eq(pipe(ends), 0);
	dup2(ends[0], STDIN_FILENO);
	ck_assert_int_eq(write(ends[1], "typed", 5), 5);
	started = start_as(&how);
	hear_until_status(&started, "typed");
	ck_assert_int_eq(getsid(started.owner.pid), getsid(0));
	ck_assert_int_eq(getpgid(started.owner.pid), getpgrp());
	/* Only descent from the program counts there. */
	send_to(started.owner.pid, "STATUS=forged", 0);
	ck_assert(hear(&started, LONG_MS));
	ck_assert_str_eq(status_of(&started), "typed");
	end(&started);
	kreg_close(k);
}
END_TEST

/*
 * Process 1 of a container, with the guard of its host: the guard records another pid for
 * the program than the container sees.
 */
static int start_in_container(void)
{
	KREG_START(how, .argv = SAYS("STATUS=soon", "READY=1,STATUS=up"),
		   .ready = KREG_READY_NOTIFY, .flags = KREG_START_ATTEND);
	struct kreg_program_state state = { .size = sizeof(state) };
	struct kreg_started started = { .size = sizeof(started) };
	struct kreg *own = mode_open(mode, "notify");
	int err = kreg_service_start(own, "production", "config", &how, &started);

	while (!err && strcmp(state.status, "up")) {
		if (!is_notified(&started, LONG_MS))
			err = -ETIMEDOUT;
		else
			err = kreg_program_hear(started.program);
		kreg_program_state(started.program, &state);
	}
	if (!err && kreg_service_lookup(own, "production", "config", NULL, 0, NULL))
		err = -ENOENT;
	return -err;
}

START_TEST(messages_from_a_container_are_received_too)
{
	pid_t child, inner;
	int status;

	if (geteuid())
		return;
	open_mode(_i);
	child = fork();
	if (!child) {
		if (unshare(CLONE_NEWPID | CLONE_NEWNS))
			_exit(0); /* there are no containers here */
		inner = fork();
		if (!inner && (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
			       mount("proc", "/proc", "proc", 0, NULL)))
			_exit(254);
		if (!inner)
			_exit(start_in_container());
		waitpid(inner, &status, 0);
		_exit(WIFEXITED(status) ? WEXITSTATUS(status) : 255);
	}
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert_int_eq(status, 0);
	kreg_close(k);
}
END_TEST

int main(int argc, char **argv)
{
	const TTest *const both[] = {
		the_status_of_a_service_is_shown_while_it_runs,
		messages_of_other_processes_are_ignored,
		messages_of_a_service_that_has_dropped_privileges_are_accepted,
		messages_of_the_children_of_a_service_are_accepted,
		a_main_pid_is_accepted_if_it_is_a_process_of_the_service,
		a_barrier_is_answered_and_received_fds_are_closed,
		odd_messages_are_parsed_correctly,
		a_missed_watchdog_kills_the_service,
		a_service_that_feeds_its_watchdog_is_left_alone,
		a_start_may_be_extended,
		a_supervisor_receives_messages_and_restarts_services_that_miss_their_watchdog,
		messages_of_a_service_are_forwarded_to_the_manager_above,
		a_foreground_service_shares_session_and_input_with_its_starter,
		messages_from_a_container_are_received_too,
		NULL,
	};

	notifier_run(argc, argv);
	return modes_run(suite_create("notify"), tcase_create("both"), both, NULL, NULL);
}
