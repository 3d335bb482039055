/* SPDX-License-Identifier: MIT */
/*
 * Services that are kept when their supervisor is killed: the next supervisor receives their
 * messages and checks their watchdogs, as the first one did.
 */
#include <check.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/handle/handle.h"
#include "lib/services/start/notify_socket.h"
#include "lib/namespace/service_key.h"
#include "tests/support/child.h"
#include "tests/support/guard.h"
#include "tests/support/notifier.h"
#include "tests/support/journal.h"

#define LONG_MS 60000

static struct kreg *k;
static struct journal journal;
static int mode;

static void open_mode(int in)
{
	mode = in;
	k = mode_open(in, "supervise_kept");
	journal_init(&journal, k);
	/* Orphans become children of this process, which can then await their end. */
	prctl(PR_SET_CHILD_SUBREAPER, 1);
}

#define SAYS(...)                                                                                  \
	(const char *const[])                                                                      \
	{                                                                                          \
		NOTIFIER, "say", __VA_ARGS__, NULL                                                 \
	}

static int be_supervisor(int link, void *data)
{
	const struct kreg_supervised services[] = { SERVICE("a", *(struct kreg_start *)data) };
	KREG_SUPERVISION(what, .services = services, .count = 1, .flags = KREG_SUPERVISE_KEEP);
	struct kreg *own = mode_open(mode, "supervise_kept");
	struct kreg_supervisor *supervisor;

	link_say(link, kreg_supervise(&supervisor, own, "production", &what, NULL, 0));
	while (pause())
		;
	return 0;
}

/* Leaves a service that was started as @was without its supervisor. */
static void leave(struct kreg_start *was)
{
	struct child child = child_start_ready(be_supervisor, was);

	child_kill(&child);
	ck_assert_int_eq(kreg_service_lookup(k, "production", "a", NULL, 0, NULL), 0);
}

static struct kreg_supervisor *follow(const struct kreg_start *now)
{
	const struct kreg_supervised services[] = { SERVICE("a", *now) };
	KREG_SUPERVISION(what, .services = services, .count = 1, .intensity = 5,
			 .flags = KREG_SUPERVISE_KEEP);

	return journal_supervise(&journal, &what, "+a1 ");
}

static struct kreg_service_health health(void)
{
	struct kreg_service_health health = { .size = sizeof(health) };

	ck_assert_int_eq(kreg_service_health(k, "production", "a", &health), 0);
	return health;
}

static void await_status(const char *wanted)
{
	int tries;

	for (tries = 0; strcmp(health().status, wanted); tries++) {
		ck_assert_msg(tries < LONG_MS / 2, "\"%s\" instead of \"%s\"", health().status,
			      wanted);
		poll(NULL, 0, 2);
	}
}

static void go_on(void)
{
	ck_assert_int_eq(kreg_signal(k, "production/a", KREG_STRING, SIGUSR1), 0);
}

static void stop(struct kreg_supervisor *supervisor)
{
	kreg_supervisor_stop(supervisor);
	while (waitpid(-1, NULL, 0) > 0 || errno == EINTR)
		;
	ck_assert_int_eq(kreg_count(k), 0);
	kreg_close(k);
}

START_TEST(every_supervisor_receives_the_messages_of_a_kept_service)
{
	KREG_START(how,
		   .argv = SAYS("READY=1,STATUS=first", "wait", "RELOADING=1,STATUS=reads",
				"barrier", "wait", "READY=1,STATUS=back", "orphan:STATUS=orphan",
				"wait", "drop", "STOPPING=1,STATUS=ends"),
		   .ready = KREG_READY_NOTIFY);
	struct kreg_supervisor *supervisor;
	pid_t pid;

	open_mode(_i);
	leave(&how);
	pid = journal_pid_of(&journal, "a");
	supervisor = follow(&how);
	ck_assert_int_eq(journal_pid_of(&journal, "a"), pid);
	ck_assert_uint_eq(health().says, KREG_PROGRAM_READY);
	go_on();
	await_status("reads");
	ck_assert_uint_eq(health().says, KREG_PROGRAM_RELOADING);
	go_on();
	await_status("orphan");
	ck_assert_uint_eq(health().says, KREG_PROGRAM_READY);
	go_on();
	await_status("ends");
	ck_assert_uint_eq(health().says, KREG_PROGRAM_STOPPING);
	ck_assert_int_eq(journal_pid_of(&journal, "a"), pid);
	/* Its successor has a socket as well. */
	journal_signal(&journal, "a", SIGKILL);
	journal_await(&journal, "!a0 +a1 ");
	await_status("first");
	stop(supervisor);
}
END_TEST

START_TEST(a_kept_service_keeps_the_watchdog_that_it_started_with)
{
	KREG_START(watched, .argv = SAYS("READY=1", "wait", "WATCHDOG=1"),
		   .ready = KREG_READY_NOTIFY, .watchdog_ms = 200);
	KREG_START(unwatched, .argv = SAYS("READY=1", "wait", "STATUS=up"),
		   .ready = KREG_READY_NOTIFY);
	struct kreg_start silent = watched;
	struct kreg_supervisor *supervisor;
	pid_t pid;

	open_mode(_i);
	/* The new plan has no watchdog, but the service was started with one. */
	silent.watchdog_ms = 0;
	watched.watchdog_ms = 2000;
	leave(&watched);
	pid = journal_pid_of(&journal, "a");
	supervisor = follow(&silent);
	journal_await(&journal, "!a0 +a1 ");
	ck_assert(journal_has(&journal, "after missing its watchdog"));
	ck_assert_int_ne(journal_pid_of(&journal, "a"), pid);
	kreg_supervisor_stop(supervisor);
	journal_init(&journal, k);
	/* The new plan has a watchdog, which was not announced to the service. */
	leave(&unwatched);
	unwatched.watchdog_ms = 100;
	supervisor = follow(&unwatched);
	poll(NULL, 0, 500);
	go_on();
	await_status("up");
	poll(NULL, 0, 500);
	ck_assert(!journal_has(&journal, "watchdog"));
	stop(supervisor);
}
END_TEST

/* Binds the role's socket name, as another user's program might. */
static int take_name(const char *role)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct service_key key;

	ck_assert_int_eq(service_key(&key, "production", role), 0);
	notify_name(address.sun_path + 1, k, key.bytes, key.size);
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&address,
			      (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 +
					  strlen(address.sun_path + 1))),
			 0);
	return fd;
}

START_TEST(a_notify_socket_bound_by_another_process_is_reported_and_costs_only_that_service)
{
	KREG_START(how, .argv = SAYS("READY=1,STATUS=up"), .ready = KREG_READY_NOTIFY);
	struct kreg_supervisor *supervisor;
	int fd;

	open_mode(_i);
	leave(&how);
	fd = take_name("a");
	supervisor = follow(&how);
	ck_assert(journal_has(&journal, "another process has bound its NOTIFY_SOCKET"));
	ck_assert_uint_eq(health().says, KREG_PROGRAM_SILENT);
	/* A newly started service has another socket name. */
	journal_signal(&journal, "a", SIGKILL);
	journal_await(&journal, "!a0 +a1 ");
	await_status("up");
	close(fd);
	stop(supervisor);
}
END_TEST

/* By its sign minders know that they have nothing to end. */
START_TEST(a_sign_that_another_process_has_bound_is_put_out_when_it_is_free)
{
	KREG_START(how, .argv = SAYS("READY=1"), .ready = KREG_READY_NOTIFY);
	struct kreg_supervisor *supervisor;
	struct service_key key;
	char name[NOTIFY_NAME_BYTES];
	int fd;

	open_mode(_i);
	fd = take_name(KREG_ROLE_SUPERVISOR);
	supervisor = follow(&how);
	ck_assert(journal_has(&journal, "another process has bound the socket @kreg-"));
	close(fd);
	/* It looks whenever something has happened. */
	journal_signal(&journal, "a", SIGKILL);
	journal_await(&journal, "!a0 +a1 ");
	ck_assert_int_eq(service_key(&key, "production", KREG_ROLE_SUPERVISOR), 0);
	notify_name(name, k, key.bytes, key.size);
	while (!notify_is_there(name))
		poll(NULL, 0, 1);
	stop(supervisor);
	ck_assert(!notify_is_there(name));
}
END_TEST

int main(int argc, char **argv)
{
	const TTest *const both[] = {
		every_supervisor_receives_the_messages_of_a_kept_service,
		a_kept_service_keeps_the_watchdog_that_it_started_with,
		a_notify_socket_bound_by_another_process_is_reported_and_costs_only_that_service,
		a_sign_that_another_process_has_bound_is_put_out_when_it_is_free,
		NULL,
	};

	notifier_run(argc, argv);
	return modes_run(suite_create("supervise_kept"), tcase_create("both"), both, NULL, NULL);
}
