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
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/support/child.h"
#include "tests/support/guard.h"

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

int main(void)
{
	const TTest *const both[] = {
		a_process_in_another_pid_namespace_is_found_waited_for_and_not_mistaken,
		NULL,
	};

	return modes_run(suite_create("namespace"), tcase_create("both"), both, NULL, NULL);
}
