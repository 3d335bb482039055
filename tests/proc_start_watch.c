/* SPDX-License-Identifier: MIT */
/*
 * A program that has dropped its privileges still ends with its foster parent, its
 * starter and its supervisor, and there are never two of it.
 */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/program/claim.h"
#include "lib/services/start/start_run.h"
#include "shm/row.h"
#include "shm/query.h"
#include "tests/support/child.h"
#include "tests/support/guard.h"
#include "tests/support/program.h"
#include "tests/support/unit.h"
#include "base/process.h"

static const char *const drop_argv[] = { PROGRAM, "drop", "3", NULL };

static struct kreg *k;
static int mode;

static void open_mode(int in)
{
	mode = in;
	k = mode_open(in, "start_watch");
}

static bool is_running(pid_t pid)
{
	return process_start(pid) != 0;
}

static int start_drop(struct kreg *in, uint32_t flags, struct kreg_started *started)
{
	KREG_START(how, .argv = drop_argv, .ready = KREG_READY_FD, .ready_fd = 3, .flags = flags);

	*started = (struct kreg_started){ .size = sizeof(*started) };
	return kreg_service_start(in, "production", "a", &how, started);
}

/* As soon as the name is free, the previous program has ended. */
static void start_again(pid_t before)
{
	struct kreg_started started;
	int err;

	do {
		err = start_drop(k, 0, &started);
	} while (err == -EEXIST && !sched_yield());
	ck_assert_int_eq(err, 0);
	ck_assert(unit_has_ended(before));
	ck_assert(is_running(started.owner.pid));
	ck_assert_int_eq(kreg_signal(k, "production/a", KREG_STRING, SIGKILL), 0);
	ck_assert_int_eq(waitpid(started.child, NULL, 0), started.child);
	ck_assert_int_eq(kreg_register(k, "production/a", KREG_STRING, NULL, 0, NULL), 0);
	ck_assert_int_eq(kreg_unregister(k, "production/a", KREG_STRING), 1);
}

START_TEST(a_program_ends_with_the_child_of_its_starter)
{
	struct kreg_started started;
	int round;

	open_mode(_i);
	for (round = 0; round < 20; round++) {
		ck_assert_int_eq(start_drop(k, 0, &started), 0);
		kill(started.child, SIGKILL);
		ck_assert_int_eq(waitpid(started.child, NULL, 0), started.child);
		ck_assert_int_eq(kreg_service_lookup(k, "production", "a", NULL, 0, NULL), -ENOENT);
		start_again(started.owner.pid);
	}
	kreg_close(k);
}
END_TEST

/* The watcher ends last. */
static void await_free(const char *name)
{
	int err;

	do {
		err = kreg_register(k, name, KREG_STRING, NULL, 0, NULL);
	} while (err == -EEXIST && !sched_yield());
	ck_assert_int_eq(err, 0);
	ck_assert_int_eq(kreg_unregister(k, name, KREG_STRING), 1);
}

static pid_t parent_of(pid_t pid)
{
	char path[64];
	pid_t parent = 0;
	FILE *status;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	status = fopen(path, "r");
	ck_assert_ptr_nonnull(status);
	ck_assert_int_eq(fscanf(status, "%*d (%*[^)]) %*c %d", &parent), 1);
	fclose(status);
	return parent;
}

static pid_t other_child_of(pid_t parent, pid_t child)
{
	char path[64];
	pid_t pid, other = 0;
	FILE *children;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/children", parent, parent);
	children = fopen(path, "r");
	while (children && fscanf(children, "%d", &pid) == 1)
		other = pid == child ? other : pid;
	if (children)
		fclose(children);
	return other;
}

START_TEST(a_program_ends_with_its_watcher)
{
	struct kreg_started started;
	pid_t watcher;

	open_mode(_i);
	ck_assert_int_eq(start_drop(k, 0, &started), 0);
	watcher = mode == MODE_FALLBACK ? other_child_of(started.child, started.owner.pid) : 0;
	/*
	 * Not under the guard, where there is no watcher, nor where the kernel does not
	 * list children.
	 */
	if (!watcher)
		watcher = started.owner.pid;
	kill(watcher, SIGKILL);
	ck_assert_int_eq(waitpid(started.child, NULL, 0), started.child);
	ck_assert(!is_running(started.owner.pid));
	start_again(started.owner.pid);
	kreg_close(k);
}
END_TEST

static int start_another(int link, void *data)
{
	const char *const argv[] = { "sleep", "1000", NULL };
	struct kreg_started started = { .size = sizeof(started) };
	KREG_START(how, .argv = argv);
	int err;

	(void)data;
	k = mode_open(mode, "start_watch");
	link_say(link, 0);
	err = kreg_start(k, "slow", KREG_STRING, &how, &started);
	if (!err)
		kill(started.owner.pid, SIGKILL);
	link_say(link, err);
	link_hear(link);
	return 0;
}

/* Only the fallback has a watcher. */
START_TEST(starting_a_name_waits_for_the_watcher_of_a_program_that_is_gone)
{
	const char *const argv[] = { "sleep", "1000", NULL };
	struct kreg_started started = { .size = sizeof(started) };
	KREG_START(how, .argv = argv);
	struct child starter;
	pid_t watcher;

	if (_i == MODE_GUARD)
		return;
	open_mode(_i);
	ck_assert_int_eq(kreg_start(k, "slow", KREG_STRING, &how, &started), 0);
	watcher = other_child_of(started.child, started.owner.pid);
	if (watcher) {
		kill(watcher, SIGSTOP);
		kill(started.child, SIGKILL);
		ck_assert_int_eq(waitpid(started.child, NULL, 0), started.child);
		/* The kernel has killed it, and its new parent reaps it. */
		while (!kill(started.owner.pid, 0))
			sched_yield();
		starter = child_start_ready(start_another, NULL);
		child_await_sleep(&starter);
		kill(watcher, SIGCONT);
		ck_assert_int_eq(link_hear(starter.link), 0);
		child_end(&starter);
	}
	kreg_close(k);
}
END_TEST

static int __attribute__((noreturn)) be_starter(int link, void *data)
{
	struct kreg_started started;
	int err;

	(void)data;
	k = mode_open(mode, "start_watch");
	err = start_drop(k, KREG_START_DIES_WITH_STARTER, &started);
	link_say(link, err ? err : started.owner.pid);
	for (;;)
		pause();
}

START_TEST(a_program_started_to_die_with_its_starter_does)
{
	struct child starter;
	int64_t pid;

	open_mode(_i);
	starter = child_start(be_starter, NULL);
	pid = link_hear(starter.link);
	ck_assert_int_gt(pid, 0);
	child_kill(&starter);
	start_again((pid_t)pid);
	kreg_close(k);
}
END_TEST

/*
 * A starter that may no longer signal its program: the kernel checks the starter's
 * credentials for the signal at its death.
 */
static int __attribute__((noreturn)) be_starter_and_drop(int link, void *data)
{
	const char *const argv[] = { PROGRAM, "sleep", NULL };
	KREG_START(how, .argv = argv, .flags = KREG_START_DIES_WITH_STARTER);
	struct kreg_started started = { .size = sizeof(started) };
	int err;

	(void)data;
	k = mode_open(mode, "start_watch");
	err = kreg_start(k, "name", KREG_STRING, &how, &started);
	if (!err && setuid(65534))
		err = -errno;
	link_say(link, err ? err : started.owner.pid);
	for (;;)
		pause();
}

START_TEST(a_program_dies_with_a_starter_that_has_dropped_its_privileges)
{
	struct child starter;
	int64_t pid;

	if (geteuid()) {
		printf("# skipped: only root has privileges to drop\n");
		return;
	}
	open_mode(_i);
	starter = child_start(be_starter_and_drop, NULL);
	pid = link_hear(starter.link);
	ck_assert_int_gt(pid, 0);
	child_kill(&starter);
	ck_assert_int_eq(kreg_await_gone(k, "name", KREG_STRING, NULL, 60000), 0);
	while (is_running((pid_t)pid))
		sched_yield();
	await_free("name");
	kreg_close(k);
}
END_TEST

/*
 * With its privileges it also loses the right to inspect processes that have not called
 * exec since.
 */
static int __attribute__((noreturn)) drop_and_be_starter(int link, void *data)
{
	const char *const argv[] = { "/bin/sleep", "1000", NULL };
	KREG_START(how, .argv = argv, .flags = KREG_START_DIES_WITH_STARTER);
	struct kreg_started started = { .size = sizeof(started) };
	int err = 0, round;

	(void)data;
	k = mode_open(mode, "start_watch");
	if (setuid(65534))
		err = -errno;
	for (round = 0; !err && round < 3; round++) {
		err = kreg_start(k, "name", KREG_STRING, &how, &started);
		if (!err && (kill(started.child, SIGKILL) ||
			     waitpid(started.child, NULL, 0) != started.child))
			err = -errno;
	}
	link_say(link, err);
	_exit(0);
}

START_TEST(a_process_that_has_dropped_privileges_can_start_programs)
{
	struct child starter;

	if (geteuid()) {
		printf("# skipped: only root has privileges to drop\n");
		return;
	}
	open_mode(_i);
	starter = child_start(drop_and_be_starter, NULL);
	ck_assert_int_eq(link_hear(starter.link), 0);
	child_kill(&starter);
	await_free("name");
	kreg_close(k);
}
END_TEST

/*
 * A process that does nothing and has @pid, but was started in another clock tick than
 * @start; 0: the kernel does not allow to choose a pid.
 */
static pid_t fork_as(pid_t pid, uint64_t start)
{
	int fd = open("/proc/sys/kernel/ns_last_pid", O_WRONLY | O_CLOEXEC);
	pid_t stranger;

	if (fd < 0)
		return 0;
	for (;;) {
		/* Input after the first line is ignored. */
		ck_assert_int_eq(lseek(fd, 0, SEEK_SET), 0);
		ck_assert_int_gt(dprintf(fd, "%d", pid - 1), 0);
		stranger = fork();
		ck_assert_int_ge(stranger, 0);
		while (!stranger)
			pause();
		if (stranger == pid && process_start(stranger) != start)
			break;
		kill(stranger, SIGKILL);
		ck_assert_int_eq(waitpid(stranger, NULL, 0), stranger);
	}
	close(fd);
	return stranger;
}

static int is_of(const struct kreg_owner_facts *facts, void *data)
{
	return facts->owner.pid == *(pid_t *)data;
}

/* The first process of a PID namespace: no other process reaps or forks there. */
static int __attribute__((noreturn)) start_where_pids_come_again(int link, void *data)
{
	const char *const argv[] = { PROGRAM, "sleep", NULL };
	KREG_START(how, .argv = argv);
	struct kreg_started started = { .size = sizeof(started) };
	struct claim_holder holder;
	pid_t watcher, stranger;
	struct query q;
	uint64_t start;

	(void)data;
	if (unshare(CLONE_NEWNS) || mount("", "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	    mount("proc", "/proc", "proc", 0, NULL)) {
		link_say(link, -1);
		_exit(0);
	}
	k = mode_open(MODE_FALLBACK, "start_pids");
	q = table_query(&k->segment, "name", 4);
	q.kinds = KINDS_OF_NAMES;
	ck_assert_int_eq(kreg_start(k, "name", KREG_STRING, &how, &started), 0);
	start = process_start(started.owner.pid);
	watcher = other_child_of(started.child, started.owner.pid);
	ck_assert_int_gt(watcher, 0);
	kill(watcher, SIGSTOP);
	kill(started.child, SIGKILL);
	ck_assert_int_eq(waitpid(started.child, NULL, 0), started.child);
	ck_assert_int_eq(waitpid(started.owner.pid, NULL, 0), started.owner.pid);
	ck_assert_int_eq(claim_look(k, &q, &holder), 0);
	ck_assert(holder.was_started && holder.owner.pid == started.owner.pid);
	ck_assert_int_eq(start_end(k, &holder.owner), 0);
	stranger = fork_as(started.owner.pid, start);
	if (!stranger) {
		link_say(link, -1);
		_exit(0);
	}
	ck_assert_int_eq(start_end(k, &holder.owner), 0);
	ck_assert_int_eq(waitpid(stranger, NULL, WNOHANG), 0);
	ck_assert_int_eq(kreg_each_owner(k, is_of, &stranger), 0);
	kill(watcher, SIGCONT);
	ck_assert_int_eq(kreg_start(k, "name", KREG_STRING, &how, &started), 0);
	ck_assert_int_eq(waitpid(stranger, NULL, WNOHANG), 0);
	link_say(link, 0);
	_exit(0);
}

START_TEST(a_pid_that_now_belongs_to_a_stranger_is_not_killed)
{
	struct child first;
	int64_t said;
	int ours;

	/* Under the guard no process stands for another. */
	if (_i != MODE_FALLBACK)
		return;
	ours = open("/proc/self/ns/pid", O_RDONLY | O_CLOEXEC);
	if (ours < 0 || unshare(CLONE_NEWPID)) {
		printf("# skipped: no PID namespace for the test\n");
		return;
	}
	first = child_start(start_where_pids_come_again, NULL);
	said = link_hear(first.link);
	if (said == -1)
		printf("# skipped: no /proc for a PID namespace, or no choice of pids\n");
	else
		ck_assert_int_eq(said, 0);
	child_kill(&first);
	/*
	 * Without its first process no other can be started in it, as LeakSanitizer
	 * would.
	 */
	ck_assert_int_eq(setns(ours, CLONE_NEWPID), 0);
	close(ours);
}
END_TEST

static int __attribute__((noreturn)) be_supervisor(int link, void *data)
{
	static const KREG_START(how, .argv = drop_argv, .ready = KREG_READY_FD, .ready_fd = 3);
	static const struct kreg_supervised services[] = {
		{ .size = sizeof(services[0]), .role = "a", .start = &how },
	};
	KREG_SUPERVISION(what, .services = services, .count = 1);
	struct kreg_supervisor *supervisor;
	struct kreg_owner owner;
	int err;

	(void)data;
	k = mode_open(mode, "start_watch");
	err = kreg_supervise(&supervisor, k, "production", &what, NULL, 0);
	if (!err)
		err = kreg_service_lookup(k, "production", "a", NULL, 0, &owner) < 0;
	link_say(link, err ? -1 : owner.pid);
	for (;;)
		pause();
}

START_TEST(a_service_ends_with_its_supervisor)
{
	struct child supervisor;
	int64_t pid;

	open_mode(_i);
	supervisor = child_start(be_supervisor, NULL);
	pid = link_hear(supervisor.link);
	ck_assert_int_gt(pid, 0);
	child_kill(&supervisor);
	start_again((pid_t)pid);
	kreg_close(k);
}
END_TEST

START_TEST(a_supervised_service_whose_child_is_killed_is_restarted_once)
{
	struct child supervisor;
	struct kreg_owner owner;
	int64_t first;
	pid_t child;

	open_mode(_i);
	supervisor = child_start(be_supervisor, NULL);
	first = link_hear(supervisor.link);
	ck_assert_int_gt(first, 0);
	child = mode == MODE_FALLBACK ? parent_of((pid_t)first) : (pid_t)first;
	kill(child, SIGKILL);
	do {
		owner.pid = (pid_t)first;
		kreg_service_lookup(k, "production", "a", NULL, 0, &owner);
	} while (owner.pid == first && !sched_yield());
	ck_assert(!is_running((pid_t)first));
	child_kill(&supervisor);
	start_again(owner.pid);
	kreg_close(k);
}
END_TEST

int main(int argc, char **argv)
{
	const TTest *const both[] = {
		a_program_ends_with_the_child_of_its_starter,
		a_program_ends_with_its_watcher,
		starting_a_name_waits_for_the_watcher_of_a_program_that_is_gone,
		a_program_started_to_die_with_its_starter_does,
		a_program_dies_with_a_starter_that_has_dropped_its_privileges,
		a_process_that_has_dropped_privileges_can_start_programs,
		a_pid_that_now_belongs_to_a_stranger_is_not_killed,
		a_service_ends_with_its_supervisor,
		a_supervised_service_whose_child_is_killed_is_restarted_once,
		NULL,
	};

	program_run(argc, argv);
	return modes_run(suite_create("start_watch"), tcase_create("both"), both, NULL, NULL);
}
