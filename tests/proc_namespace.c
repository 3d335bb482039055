/* SPDX-License-Identifier: MIT */
/*
 * Processes in another PID namespace: the names work, and no process is mistaken for
 * another one that has the same pid here.
 */
#include <check.h>
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "tests/support/child.h"
#include "tests/support/guard.h"
#include "tests/support/unit.h"

static int mode;

/*
 * Holds "inside" and the lock, and reports that; then reports what it can do to the
 * process that holds "outside".
 */
static int live_inside(int link, void *data)
{
	struct kreg *k = mode_open(mode, "namespace");
	struct kreg_owner owner;
	struct kreg_lock lock;

	(void)data;
	link_say(link, kreg_register(k, "inside", KREG_STRING, NULL, 0, NULL));
	link_say(link, kreg_lock(k, "lock", KREG_STRING, -1, &lock));
	link_hear(link);
	link_say(link, kreg_whereis(k, "outside", KREG_STRING, &owner));
	link_say(link, kreg_monitor(k, "outside", KREG_STRING, NULL));
	link_say(link, kreg_signal(k, "outside", KREG_STRING, SIGKILL));
	link_say(link, kreg_await_gone(k, "outside", KREG_STRING, NULL, 0));
	link_say(link, kreg_await_gone(k, "outside", KREG_STRING, NULL, -1));
	link_hear(link);
	return 0;
}

/*
 * For users other than root: in a user namespace of their own they may make a PID
 * namespace, and keep their uid.
 */
static int enter_own_user_namespace(void)
{
	uid_t uid = geteuid();
	FILE *map;

	if (unshare(CLONE_NEWUSER | CLONE_NEWPID))
		return -errno;
	map = fopen("/proc/self/uid_map", "w");
	if (!map)
		return -errno;
	fprintf(map, "%u %u 1\n", uid, uid);
	return fclose(map) ? -errno : 0;
}

/* The first process of a new namespace has live_inside() for its child, whose pid there is 2. */
static int go_inside(int link, void *data)
{
	int status;
	pid_t pid;

	if (unshare(CLONE_NEWPID) && enter_own_user_namespace()) {
		link_say(link, -EPERM);
		return 0;
	}
	pid = fork();
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (pid)
		return waitpid(pid, &status, 0) == pid ? 0 : 1;
	pid = fork();
	if (!pid)
		_exit(live_inside(link, data));
	return waitpid(pid, &status, 0) == pid ? 0 : 1;
}

static int live_outside(int link, void *data)
{
	struct kreg *k = mode_open(mode, "namespace");

	(void)data;
	link_say(link, kreg_register(k, "outside", KREG_STRING, NULL, 0, NULL));
	link_hear(link);
	return 0;
}

START_TEST(a_process_in_another_pid_namespace_is_found_waited_for_and_not_mistaken)
{
	struct child inside, outside;
	struct kreg_owner owner;
	struct kreg_lock lock;
	struct kreg *k;
	int64_t first;

	mode = _i;
	k = mode_open(mode, "namespace");
	outside = child_start(live_outside, NULL);
	ck_assert_int_eq(link_hear(outside.link), 0);
	inside = child_start(go_inside, NULL);
	first = link_hear(inside.link);
	if (first == -EPERM && geteuid())
		return; /* a host whose ordinary users cannot make a namespace */
	ck_assert_int_eq(first, 0);
	ck_assert_int_eq(link_hear(inside.link), 0);

	/*
	 * The guard records pids of the outer namespace; the fallback those that the
	 * owner sees.
	 */
	ck_assert_int_eq(kreg_whereis(k, "inside", KREG_STRING, &owner), 0);
	ck_assert(mode == MODE_GUARD ? owner.pid > inside.pid : owner.pid == 2);
	ck_assert_int_eq(kreg_signal(k, "inside", KREG_STRING, 0),
			 mode == MODE_GUARD ? 0 : -EREMOTE);
	ck_assert_int_eq(kreg_lock(k, "lock", KREG_STRING, 10, &lock), -ETIMEDOUT);

	/* The reverse direction: no process inside may be hit. */
	link_say(inside.link, 0);
	ck_assert_int_eq(link_hear(inside.link), 0);
	ck_assert_int_eq(link_hear(inside.link), -EREMOTE);
	ck_assert_int_eq(link_hear(inside.link), -EREMOTE);
	ck_assert_int_eq(link_hear(inside.link), -ETIMEDOUT);
	child_kill(&outside);
	ck_assert_int_eq(link_hear(inside.link), 0);

	/* The end of the namespace ends all processes in it. */
	link_say(inside.link, 0);
	ck_assert_int_eq(kreg_lock(k, "lock", KREG_STRING, -1, &lock), 0);
	ck_assert_int_eq(kreg_unlock(k, &lock), 0);
	ck_assert_int_eq(kreg_await_gone(k, "inside", KREG_STRING, NULL, -1), 0);
	child_end(&inside);
	kreg_close(k);
}
END_TEST

/* Opens for reading, hides /proc from itself, and then asks for a process. */
static int look_without_proc(int link, void *data)
{
	KREG_OPTIONS(reads, .flags = KREG_OPEN_READONLY);
	struct kreg *k = mode_open_as(mode, "namespace", &reads);
	struct kreg_owner owner;

	(void)data;
	if (unshare(CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	    mount("none", "/proc", "tmpfs", 0, "size=64k")) {
		link_say(link, -EPERM);
		return 0;
	}
	link_say(link, kreg_whereis(k, "inside", KREG_STRING, &owner));
	link_say(link, kreg_owner_pidfd(k, &owner));
	return 0;
}

static bool knows_namespaces(void)
{
	int self = fd_pidfd(getpid()), space = fd_pid_namespace(self);
	bool knows = space >= 0;

	fd_close(&space);
	fd_close(&self);
	return knows;
}

/* In the fallback a pid is the one that its owner sees, here that of another process. */
START_TEST(a_reader_that_has_hidden_proc_mistakes_no_process_of_another_namespace)
{
	struct child inside, reader;
	struct kreg *k;
	int64_t got;

	mode = _i;
	k = mode_open(mode, "namespace");
	if (!knows_namespaces()) {
		unit_skip("needs Linux 6.11");
		return;
	}
	inside = child_start(go_inside, NULL);
	if (link_hear(inside.link)) {
		unit_skip("needs a PID namespace");
		return;
	}
	ck_assert_int_eq(link_hear(inside.link), 0);
	reader = child_start(look_without_proc, NULL);
	if (link_hear(reader.link)) {
		unit_skip("only root may hide /proc");
		return;
	}
	got = link_hear(reader.link);
	ck_assert(mode == MODE_GUARD ? got >= 0 : got == -EREMOTE);
	child_end(&reader);
	child_kill(&inside);
	ck_assert_int_eq(kreg_await_gone(k, "inside", KREG_STRING, NULL, -1), 0);
	kreg_close(k);
}
END_TEST

int main(void)
{
	const TTest *const both[] = {
		a_process_in_another_pid_namespace_is_found_waited_for_and_not_mistaken,
		a_reader_that_has_hidden_proc_mistakes_no_process_of_another_namespace,
		NULL,
	};

	return modes_run(suite_create("namespace"), tcase_create("both"), both, NULL, NULL);
}
