/* SPDX-License-Identifier: MIT */
/*
 * Starting a program under a name: it runs, is ready and holds the name; or there is no program, and the name is
 * free.
 */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/kreg-services.h"
#include "shm/row.h"
#include "tests/support/child.h"
#include "tests/support/events.h"
#include "tests/support/guard.h"
#include "tests/support/program.h"
#include "tests/support/tmp.h"
#include "base/process.h"

static struct kreg *k;
static int mode;

/* A watcher or a foster parent may outlive its program by a moment, and in the other mode it would keep the registry. */
static const char *registry(void)
{
	return mode == MODE_GUARD ? "start-guard" : "start-fallback";
}

static void open_mode(int in)
{
	mode = in;
	k = mode_open(mode, registry());
}

#define ARGV(...)                                                                                  \
	(const char *const[])                                                                      \
	{                                                                                          \
		PROGRAM, __VA_ARGS__, NULL                                                         \
	}

static int start_as(const struct kreg_start *how, struct kreg_started *started)
{
	*started = (struct kreg_started){ .size = sizeof(*started) };
	return kreg_service_start(k, "production", "config", how, started);
}

static void end(const struct kreg_started *started)
{
	int status;

	ck_assert_int_eq(kreg_signal(k, "production/config", KREG_STRING, SIGKILL), 0);
	ck_assert_int_eq(waitpid(started->child, &status, 0), started->child);
	ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	ck_assert_int_eq(kreg_service_lookup(k, "production", "config", NULL, 0, NULL), -ENOENT);
}

/* Whether it runs, not whether it exists: an orphan may stay a zombie for a while. */
static bool is_running(pid_t pid)
{
	return process_start(pid) != 0;
}

/* Nothing is left behind. */
static void is_clean(const struct kreg_started *started)
{
	struct kreg_service_health health = { .size = sizeof(health) };

	ck_assert_int_eq(kreg_service_health(k, "production", "config", &health), -ENOENT);
	ck_assert_int_eq(started->child, 0);
	ck_assert_int_eq(waitpid(-1, NULL, WNOHANG), -1);
	ck_assert_int_eq(errno, ECHILD);
}

static void value_is(const char *wanted)
{
	char value[128];
	ssize_t size = kreg_service_lookup(k, "production", "config", value, sizeof(value), NULL);

	ck_assert_int_eq(size, (ssize_t)strlen(wanted));
	ck_assert_mem_eq(value, wanted, (size_t)size);
}

START_TEST(a_started_program_holds_the_name_until_it_ends)
{
	KREG_START(how, .argv = ARGV("sleep"), .value = "up", .value_size = 2);
	struct kreg_started started;
	struct kreg_owner owner;

	open_mode(_i);
	ck_assert_int_eq(start_as(&how, &started), 0);
	value_is("up");
	ck_assert_int_eq(kreg_service_lookup(k, "production", "config", NULL, 0, &owner), 2);
	ck_assert_uint_eq(owner.token, started.owner.token);
	ck_assert_int_eq(owner.pid, started.owner.pid);
	ck_assert_uint_eq(started.ready, 1);
	ck_assert_int_eq(kreg_count(k), 1);
	if (mode == MODE_GUARD)
		ck_assert_int_eq(started.child, owner.pid);
	else
		ck_assert_int_ne(started.child, owner.pid);
	end(&started);
	ck_assert_int_eq(kreg_count(k), 0);
	kreg_close(k);
}
END_TEST

START_TEST(a_second_starter_learns_the_first_pid_and_its_program_never_runs)
{
	char file[256], *name = file;
	KREG_START(first, .argv = ARGV("sleep"));
	KREG_START(second, .argv = ARGV("tell", name, "I run"));
	struct kreg_started one, two;

	open_mode(_i);
	snprintf(file, sizeof(file), "%s/second", tmp_directory());
	ck_assert_int_eq(start_as(&first, &one), 0);
	ck_assert_int_eq(start_as(&second, &two), -EEXIST);
	ck_assert_int_eq(two.owner.pid, one.owner.pid);
	ck_assert_uint_eq(two.ready, 1);
	ck_assert_int_eq(two.child, 0);
	end(&one);
	/* A name that was registered and not started counts as well. */
	ck_assert_int_eq(kreg_service_register(k, "production", "config", NULL, 0, NULL), 0);
	ck_assert_int_eq(start_as(&second, &two), -EEXIST);
	ck_assert_int_eq(two.owner.pid, getpid());
	ck_assert_int_eq(access(file, F_OK), -1);
	kreg_close(k);
}
END_TEST

START_TEST(a_program_that_cannot_be_run_leaves_the_name_free_and_reports_why)
{
	const struct {
		const char *program, *directory, *output;
		int error;
	} cases[] = {
		{ "/no/such/program", NULL, NULL, -ENOENT },
		{ "no-such-program-in-path", NULL, NULL, -ENOENT },
		{ "/dev/null", NULL, NULL, -EACCES },
		{ PROGRAM, "/no/such/folder", NULL, -ENOENT },
		{ PROGRAM, NULL, "/proc/no/output", -ENOENT },
	};
	struct kreg_started started;
	size_t i;

	open_mode(_i);
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const char *const argv[] = { cases[i].program, "sleep", NULL };
		KREG_START(how, .argv = argv, .directory = cases[i].directory,
			   .output = cases[i].output);

		ck_assert_int_eq(start_as(&how, &started), -ENOEXEC);
		ck_assert_int_eq(started.exec_error, cases[i].error);
		is_clean(&started);
	}
	kreg_close(k);
}
END_TEST

START_TEST(a_program_that_ends_before_it_is_ready_is_reported_with_its_status)
{
	KREG_START(exits, .argv = ARGV("exit", "7"), .ready = KREG_READY_NOTIFY);
	KREG_START(dies, .argv = ARGV("kill", "10"), .ready = KREG_READY_NOTIFY);
	struct kreg_started started;

	open_mode(_i);
	ck_assert_int_eq(start_as(&exits, &started), -ECHILD);
	ck_assert(WIFEXITED(started.status));
	ck_assert_int_eq(WEXITSTATUS(started.status), 7);
	is_clean(&started);
	ck_assert_int_eq(start_as(&dies, &started), -ECHILD);
	ck_assert(WIFSIGNALED(started.status));
	ck_assert_int_eq(WTERMSIG(started.status), SIGUSR1);
	is_clean(&started);
	kreg_close(k);
}
END_TEST

START_TEST(a_program_that_is_not_ready_in_time_is_killed_and_frees_the_name)
{
	KREG_START(how, .argv = ARGV("sleep"), .ready = KREG_READY_NOTIFY, .timeout_ms = 50);
	struct kreg_started started;

	open_mode(_i);
	ck_assert_int_eq(start_as(&how, &started), -ETIMEDOUT);
	is_clean(&started);
	kreg_close(k);
}
END_TEST

START_TEST(the_program_decides_when_it_is_ready_and_its_value)
{
	KREG_START(plain, .argv = ARGV("notify", "STATUS=soon,READY=1"), .ready = KREG_READY_NOTIFY,
		   .value = "given", .value_size = 5);
	KREG_START(valued, .argv = ARGV("notify", "READY=1,X_KREG_VALUE=sent"),
		   .ready = KREG_READY_NOTIFY, .value = "given", .value_size = 5);
	KREG_START(line, .argv = ARGV("line", "5"), .ready = KREG_READY_FD, .ready_fd = 5,
		   .value = "given", .value_size = 5);
	struct kreg_started started;

	open_mode(_i);
	ck_assert_int_eq(start_as(&plain, &started), 0);
	value_is("given");
	end(&started);
	ck_assert_int_eq(start_as(&valued, &started), 0);
	value_is("sent");
	end(&started);
	ck_assert_int_eq(start_as(&line, &started), 0);
	value_is("given");
	end(&started);
	/* Covers each number that the link to the child may have. */
	for (line.ready_fd = 3; line.ready_fd < 12; line.ready_fd++) {
		char number[16];
		const char *const argv[] = { PROGRAM, "line", number, NULL };

		snprintf(number, sizeof(number), "%d", line.ready_fd);
		line.argv = argv;
		ck_assert_int_eq(start_as(&line, &started), 0);
		end(&started);
	}
	kreg_close(k);
}
END_TEST

/* Starts a program that never gets ready. */
static int start_for_ever(int link, void *data)
{
	KREG_START(how, .argv = ARGV("sleep"), .ready = KREG_READY_NOTIFY);
	struct kreg_started started;

	k = mode_open(mode, registry());
	how.flags = *(uint32_t *)data;
	link_say(link, 0);
	return start_as(&how, &started);
}

static struct kreg_service_health wait_for_reservation(void)
{
	struct kreg_service_health health = { .size = sizeof(health) };

	while (kreg_service_health(k, "production", "config", &health))
		sched_yield();
	ck_assert_uint_eq(health.ready, 0);
	return health;
}

START_TEST(a_program_that_is_not_ready_reserves_the_name)
{
	KREG_START(other, .argv = ARGV("sleep"));
	struct kreg_service_health health;
	struct kreg_started started;
	struct child starter;
	uint32_t flags = KREG_START_DIES_WITH_STARTER;

	open_mode(_i);
	starter = child_start_ready(start_for_ever, &flags);
	health = wait_for_reservation();
	ck_assert_int_ne(health.owner.pid, starter.pid);
	ck_assert_int_eq(kreg_service_lookup(k, "production", "config", NULL, 0, NULL), -ENOENT);
	ck_assert_int_eq(kreg_count(k), 0);
	ck_assert_int_eq(start_as(&other, &started), -EEXIST);
	ck_assert_int_eq(started.owner.pid, health.owner.pid);
	ck_assert_uint_eq(started.ready, 0);
	child_kill(&starter);
	while (is_running(health.owner.pid))
		sched_yield();
	ck_assert_int_eq(start_as(&other, &started), 0);
	end(&started);
	kreg_close(k);
}
END_TEST

START_TEST(starting_a_name_whose_starter_has_died_ends_what_it_left)
{
	KREG_START(other, .argv = ARGV("sleep"));
	struct kreg_service_health health;
	struct kreg_started started;
	struct child starter;
	uint32_t flags = 0;

	open_mode(_i);
	starter = child_start_ready(start_for_ever, &flags);
	health = wait_for_reservation();
	child_kill(&starter);
	ck_assert_int_eq(kreg_service_lookup(k, "production", "config", NULL, 0, NULL), -ENOENT);
	ck_assert(is_running(health.owner.pid));
	ck_assert_int_eq(start_as(&other, &started), 0);
	ck_assert_int_ne(started.owner.pid, health.owner.pid);
	while (is_running(health.owner.pid))
		sched_yield();
	end(&started);
	kreg_close(k);
}
END_TEST

static int start_and_stay(int link, void *data)
{
	KREG_START(how, .argv = ARGV("sleep"));
	struct kreg_started started;

	k = mode_open(mode, registry());
	how.flags = *(uint32_t *)data;
	link_say(link, start_as(&how, &started));
	link_hear(link);
	return 0;
}

START_TEST(a_program_outlives_its_starter_unless_requested_otherwise)
{
	struct kreg_owner owner;
	struct child starter;
	uint32_t flags = 0;

	open_mode(_i);
	starter = child_start_ready(start_and_stay, &flags);
	child_kill(&starter);
	ck_assert_int_eq(kreg_service_lookup(k, "production", "config", NULL, 0, &owner), 0);
	ck_assert_int_eq(kreg_signal(k, "production/config", KREG_STRING, SIGKILL), 0);
	ck_assert_int_eq(kreg_service_await_gone(k, "production", "config", &owner, 60000), 0);

	flags = KREG_START_DIES_WITH_STARTER;
	starter = child_start_ready(start_and_stay, &flags);
	ck_assert_int_eq(kreg_service_lookup(k, "production", "config", NULL, 0, &owner), 0);
	child_kill(&starter);
	ck_assert_int_eq(kreg_service_await_gone(k, "production", "config", &owner, 60000), 0);
	while (is_running(owner.pid))
		sched_yield();
	kreg_close(k);
}
END_TEST

static void file_says(const char *file, const char *line)
{
	char text[1024] = "";
	int tries = 0, fd;

	/* The program that is already running writes it. */
	do {
		fd = open(file, O_RDONLY);
		if (fd >= 0) {
			ssize_t size = read(fd, text, sizeof(text) - 1);

			text[size > 0 ? size : 0] = 0;
			close(fd);
		}
		usleep(1000);
	} while (!strstr(text, "\nin ") && ++tries < 60000);
	ck_assert_msg(strstr(text, line) != NULL, "not there: %s; but: %s", line, text);
}

START_TEST(a_program_finds_its_role_and_nothing_else_of_its_starter)
{
	char file[256], *name = file;
	const char *const extra[] = { "EXTRA=more", NULL };
	KREG_START(how, .argv = ARGV("inspect", name), .environment = extra, .directory = "/");
	struct kreg_started started;
	sigset_t blocked;

	open_mode(_i);
	snprintf(file, sizeof(file), "%s/inspected-%d", tmp_directory(), _i);
	ck_assert_int_ge(open("/dev/null", O_RDONLY), 3); /* without O_CLOEXEC */
	sigemptyset(&blocked);
	sigaddset(&blocked, SIGUSR1);
	sigprocmask(SIG_BLOCK, &blocked, NULL);
	ck_assert_int_eq(start_as(&how, &started), 0);
	file_says(file, "KREG_NAMESPACE=production\nKREG_ROLE=config\nEXTRA=more\nfds 0\nblocked "
			"none\nleads a session\nin /\n");
	end(&started);
	kreg_close(k);
}
END_TEST

START_TEST(a_program_that_registers_itself_finds_its_name_registered)
{
	KREG_START(how, .argv = ARGV("register", "x"), .ready = KREG_READY_NOTIFY);
	struct kreg_started started;

	open_mode(_i);
	ck_assert_int_eq(start_as(&how, &started), 0);
	value_is("it is me");
	end(&started);
	kreg_close(k);
}
END_TEST

START_TEST(the_program_is_signalled_connected_to_and_monitored_by_its_name)
{
	KREG_START(how, .argv = ARGV("listen"), .ready = KREG_READY_NOTIFY);
	struct kreg_service_health health = { .size = sizeof(health) };
	struct kreg_started started;
	struct pollfd at = { .events = POLLIN };
	int fd;

	open_mode(_i);
	ck_assert_int_eq(start_as(&how, &started), 0);
	fd = kreg_connect(k, "production/config", KREG_STRING, SOCK_STREAM, NULL);
	ck_assert_int_ge(fd, 0);
	close(fd);
	/* The program stops itself, not a process that stands for it. */
	ck_assert_int_eq(kreg_signal(k, "production/config", KREG_STRING, SIGSTOP), 0);
	do {
		ck_assert_int_eq(kreg_service_health(k, "production", "config", &health), 0);
	} while (health.process != KREG_PROCESS_STOPPED);
	ck_assert_int_eq(health.owner.pid, started.owner.pid);
	at.fd = kreg_monitor(k, "production/config", KREG_STRING, NULL);
	ck_assert_int_ge(at.fd, 0);
	ck_assert_int_eq(poll(&at, 1, 0), 0);
	ck_assert_int_eq(kreg_signal(k, "production/config", KREG_STRING, SIGKILL), 0);
	ck_assert_int_eq(poll(&at, 1, 60000), 1);
	ck_assert_int_eq(kreg_service_lookup(k, "production", "config", NULL, 0, NULL), -ENOENT);
	close(at.fd);
	waitpid(started.child, NULL, 0);
	kreg_close(k);
}
END_TEST

START_TEST(signals_to_the_child_reach_the_program_and_it_ends_the_same_way)
{
	KREG_START(how, .argv = ARGV("sleep"));
	struct kreg_started started;
	int status;

	open_mode(_i);
	ck_assert_int_eq(start_as(&how, &started), 0);
	kill(started.child, SIGUSR2);
	ck_assert_int_eq(waitpid(started.child, &status, 0), started.child);
	ck_assert(WIFSIGNALED(status));
	ck_assert_int_eq(WTERMSIG(status), SIGUSR2);
	ck_assert(!is_running(started.owner.pid));
	/* SIGKILL to the child kills the program too. */
	ck_assert_int_eq(start_as(&how, &started), 0);
	kill(started.child, SIGKILL);
	ck_assert_int_eq(waitpid(started.child, &status, 0), started.child);
	ck_assert_int_eq(kreg_service_lookup(k, "production", "config", NULL, 0, NULL), -ENOENT);
	while (is_running(started.owner.pid))
		sched_yield();
	ck_assert_int_eq(start_as(&how, &started), 0);
	end(&started);
	kreg_close(k);
}
END_TEST

START_TEST(a_program_that_a_signal_kills_ends_so_also_if_its_starter_ignores_it)
{
	static const char *const names[] = { "13", "10", "1", "6" };
	static const int signals[] = { SIGPIPE, SIGUSR1, SIGHUP, SIGABRT };
	struct kreg_started started;
	int status;
	size_t i;

	open_mode(_i);
	for (i = 0; i < 4; i++) {
		KREG_START(how, .argv = ARGV("kill", names[i]));

		signal(signals[i], SIG_IGN);
		status = start_as(&how, &started) ? started.status : 0;
		if (started.child)
			ck_assert_int_eq(waitpid(started.child, &status, 0), started.child);
		ck_assert(WIFSIGNALED(status));
		ck_assert_int_eq(WTERMSIG(status), signals[i]);
	}
	kreg_close(k);
}
END_TEST

/* Each process of a start has a limit of its own, of as many. */
START_TEST(a_start_with_few_fds_succeeds_or_reports_that)
{
	KREG_START(how, .argv = ARGV("sleep"));
	struct kreg_started started;
	struct rlimit limit;
	bool refused = false, started_one = false;
	int err;

	open_mode(_i);
	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
	for (limit.rlim_cur = 3; !started_one; limit.rlim_cur++) {
		ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
		err = start_as(&how, &started);
		started_one = !err;
		refused |= err == -EMFILE;
		if (err)
			ck_assert_int_eq(err, -EMFILE);
	}
	ck_assert(refused);
	end(&started);
	kreg_close(k);
}
END_TEST

START_TEST(a_listener_is_notified_when_a_program_is_ready_and_when_it_dies)
{
	KREG_START(how, .argv = ARGV("notify", "READY=1,X_KREG_VALUE=sent"),
		   .ready = KREG_READY_NOTIFY);
	KREG_START(never, .argv = ARGV("exit", "1"), .ready = KREG_READY_NOTIFY);
	struct kreg_listener *listener;
	struct kreg_started started;
	struct kreg_event event;

	open_mode(_i);
	ck_assert_int_eq(kreg_listen(&listener, k, NULL, 0), 0);
	ck_assert_int_eq(start_as(&never, &started), -ECHILD);
	ck_assert_int_eq(start_as(&how, &started), 0);
	event = event_wait(listener);
	ck_assert_uint_eq(event.type, KREG_EVENT_REGISTER);
	ck_assert_int_eq(event.entry.owner.pid, started.owner.pid);
	ck_assert_uint_eq(event.entry.value_size, 4);
	ck_assert_mem_eq(event.entry.value, "sent", 4);
	end(&started);
	event = event_wait(listener);
	ck_assert_uint_eq(event.type, KREG_EVENT_PURGE);
	ck_assert_int_eq(event.entry.owner.pid, started.owner.pid);
	kreg_listener_close(listener);
	kreg_close(k);
}
END_TEST

START_TEST(a_program_that_has_ended_leaves_no_memory_behind)
{
	KREG_START(how, .argv = ARGV("notify", "READY=1"), .ready = KREG_READY_NOTIFY);
	struct kreg_stat before = { .size = sizeof(before) }, after = { .size = sizeof(after) };
	struct kreg_started started;
	int i;

	open_mode(_i);
	ck_assert_int_eq(kreg_stat(k, &before), 0);
	for (i = 0; i < 30; i++) {
		ck_assert_int_eq(start_as(&how, &started), 0);
		end(&started);
	}
	ck_assert_int_ge(kreg_sweep(k), 0);
	ck_assert_int_eq(kreg_stat(k, &after), 0);
	ck_assert_uint_eq(after.bytes_dead, 0);
	/* One slab for this process's own claims. */
	ck_assert_uint_le(after.bytes_used, before.bytes_used + 16384);
	ck_assert_uint_eq(after.owners, before.owners);
	kreg_close(k);
}
END_TEST

START_TEST(bad_arguments_are_refused_and_nothing_is_started)
{
	KREG_START(fine, .argv = ARGV("sleep"));
	KREG_OPTIONS(reader, .flags = KREG_OPEN_READONLY);
	KREG_OPTIONS(duplicate, .keys = KREG_KEYS_DUPLICATE);
	struct kreg_started started = { .size = sizeof(started) };
	struct kreg_start how;
	struct kreg *other;
	char *large;

	open_mode(_i);
	ck_assert_int_eq(kreg_service_start(k, "production", "config", NULL, NULL), -EINVAL);
	how = fine;
	how.argv = NULL;
	ck_assert_int_eq(start_as(&how, &started), -EINVAL);
	how = fine;
	how.flags = 1u << 31;
	ck_assert_int_eq(start_as(&how, &started), -EINVAL);
	how = fine;
	how.ready = KREG_READY_FD; /* to fd 0 */
	ck_assert_int_eq(start_as(&how, &started), -EINVAL);
	how = fine;
	how.timeout_ms = -1;
	ck_assert_int_eq(start_as(&how, &started), -EINVAL);
	how = fine;
	how.environment = (const char *const[]){ "NOT A PAIR", NULL };
	ck_assert_int_eq(start_as(&how, &started), -EINVAL);
	how.environment = (const char *const[]){ "KREG_ROLE=another", NULL };
	ck_assert_int_eq(start_as(&how, &started), -EINVAL);
	how.environment = (const char *const[]){ "NOTIFY_SOCKET=/another", NULL };
	ck_assert_int_eq(start_as(&how, &started), -EINVAL);
	ck_assert_int_eq(kreg_service_start(k, "pro duction", "config", &fine, NULL), -EINVAL);
	ck_assert_int_eq(kreg_start(k, "", KREG_STRING, &fine, NULL), -EINVAL);
	large = calloc(1, KREG_VALUE_MAX);
	how = fine;
	how.value = large;
	how.value_size = KREG_VALUE_MAX;
	ck_assert_int_eq(start_as(&how, &started), -EMSGSIZE);
	free(large);
	other = mode_open_as(mode, registry(), &reader);
	ck_assert_int_eq(kreg_start(other, "x", 1, &fine, &started), -EROFS);
	kreg_close(other);
	other = mode_open_as(mode, "many", &duplicate);
	ck_assert_int_eq(kreg_start(other, "x", 1, &fine, &started), -EINVAL);
	kreg_close(other);
	ck_assert_int_eq(waitpid(-1, NULL, WNOHANG), -1);
	kreg_close(k);
}
END_TEST

int main(int argc, char **argv)
{
	const TTest *const both[] = {
		a_started_program_holds_the_name_until_it_ends,
		a_second_starter_learns_the_first_pid_and_its_program_never_runs,
		a_program_that_cannot_be_run_leaves_the_name_free_and_reports_why,
		a_program_that_ends_before_it_is_ready_is_reported_with_its_status,
		a_program_that_is_not_ready_in_time_is_killed_and_frees_the_name,
		the_program_decides_when_it_is_ready_and_its_value,
		a_program_that_is_not_ready_reserves_the_name,
		starting_a_name_whose_starter_has_died_ends_what_it_left,
		a_program_outlives_its_starter_unless_requested_otherwise,
		a_program_finds_its_role_and_nothing_else_of_its_starter,
		a_program_that_registers_itself_finds_its_name_registered,
		the_program_is_signalled_connected_to_and_monitored_by_its_name,
		signals_to_the_child_reach_the_program_and_it_ends_the_same_way,
		a_program_that_a_signal_kills_ends_so_also_if_its_starter_ignores_it,
		a_start_with_few_fds_succeeds_or_reports_that,
		a_listener_is_notified_when_a_program_is_ready_and_when_it_dies,
		a_program_that_has_ended_leaves_no_memory_behind,
		bad_arguments_are_refused_and_nothing_is_started,
		NULL,
	};

	program_run(argc, argv);
	return modes_run(suite_create("start"), tcase_create("both"), both, NULL, NULL);
}
