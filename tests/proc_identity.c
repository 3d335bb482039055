/* SPDX-License-Identifier: MIT */
/*
 * The identity of owners: leaders that exit first, exec, fork, vfork, a reused pid, a
 * stopped process.
 */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/sched.h>

#include "tests/support/child.h"
#include "tests/support/guard.h"

static struct kreg *open_with_name(int mode)
{
	struct kreg *k = mode_open(mode, "identity");

	ck_assert_int_eq(kreg_register(k, "name", KREG_STRING, "x", 1, NULL), 0);
	return k;
}

static bool is_there(struct kreg *k)
{
	return kreg_lookup(k, "name", KREG_STRING, NULL, 0, NULL) == 1;
}

static int hold(int link, void *data)
{
	open_with_name(*(int *)data);
	link_say(link, 1);
	link_hear(link);
	return 0;
}

static void *outlive_leader(void *data)
{
	int link = *(int *)data;
	char path[64], text[256];
	int fd;
	ssize_t got;

	/* The leader is a zombie when its part of /proc says so. */
	snprintf(path, sizeof(path), "/proc/%d/task/%d/stat", getpid(), getpid());
	do {
		fd = open(path, O_RDONLY);
		got = fd < 0 ? 0 : read(fd, text, sizeof(text) - 1);
		close(fd);
		text[got > 0 ? got : 0] = 0;
	} while (!strstr(text, ") Z "));
	link_say(link, 1);
	link_hear(link);
	_exit(0);
}

static int leader_leaves(int link, void *data)
{
	static int own_link;
	pthread_t thread;

	own_link = link;
	open_with_name(*(int *)data);
	if (pthread_create(&thread, NULL, outlive_leader, &own_link))
		return 1;
	pthread_exit(NULL);
}

START_TEST(a_leader_that_exits_first_ends_no_name)
{
	struct kreg *k = mode_open(_i, "identity");
	struct child child = child_start(leader_leaves, &_i);

	ck_assert_int_eq(link_hear(child.link), 1);
	ck_assert(is_there(k));
	link_say(child.link, 1);
	ck_assert_int_eq(child_end(&child), 0);
	ck_assert(!is_there(k));
	kreg_close(k);
}
END_TEST

/* exec: the next program writes "1" to the link, which is its standard output. */
static _Noreturn void become_another(int link)
{
	dup2(link, 0);
	dup2(link, 1);
	execl("/bin/sh", "sh", "-c", "printf 12345678; read line", (char *)NULL);
	_exit(9);
}

static int exec_by_leader(int link, void *data)
{
	open_with_name(*(int *)data);
	become_another(link);
}

static void *exec_in_thread(void *data)
{
	become_another(*(int *)data);
}

static int exec_by_thread(int link, void *data)
{
	pthread_t thread;

	open_with_name(*(int *)data);
	if (pthread_create(&thread, NULL, exec_in_thread, &link))
		return 1;
	pthread_join(thread, NULL);
	return 1;
}

static void exec_and_die(int mode, int (*body)(int, void *))
{
	struct kreg *k = mode_open(mode, "identity");
	struct child child = child_start(body, &mode);
	struct kreg_owner owner;

	ck_assert_int_ne(link_hear(child.link), INT64_MIN);
	/* The process goes on under the guard; in the fallback exec ends a life. */
	ck_assert_int_eq(is_there(k), mode == MODE_GUARD);
	if (is_there(k)) {
		kreg_lookup(k, "name", KREG_STRING, NULL, 0, &owner);
		ck_assert_int_eq(owner.pid, child.pid);
	}
	child_kill(&child);
	ck_assert(!is_there(k));
	kreg_close(k);
}

START_TEST(a_name_survives_exec_by_the_leader_only_under_the_guard)
{
	exec_and_die(_i, exec_by_leader);
}
END_TEST

START_TEST(a_name_survives_exec_by_another_thread_only_under_the_guard)
{
	exec_and_die(_i, exec_by_thread);
}
END_TEST

static int use_parents_handle(int link, void *data)
{
	struct kreg *k = data;
	struct kreg_owner self;

	(void)link;
	if (!is_there(k) || kreg_count(k) != 1)
		return 1;
	if (kreg_register(k, "other", KREG_STRING, "x", 1, NULL) != -EOWNERDEAD ||
	    kreg_unregister(k, "name", KREG_STRING) != -EOWNERDEAD ||
	    kreg_read_enter(k) != -EOWNERDEAD || kreg_self(k, &self) != -EOWNERDEAD ||
	    kreg_sweep(k) != -EOWNERDEAD)
		return 2;
	kreg_close(k);
	return 0;
}

START_TEST(a_forked_child_may_only_look_up)
{
	struct kreg *k = open_with_name(_i);
	struct child child = child_start(use_parents_handle, k);

	ck_assert_int_eq(child_end(&child), 0);
	ck_assert(is_there(k));
	ck_assert_int_eq(kreg_unregister(k, "name", KREG_STRING), 1);
	kreg_close(k);
}
END_TEST

struct forked {
	struct kreg *parents;
	int mode;
};

static int open_again(int link, void *data)
{
	struct forked *forked = data;
	struct kreg *k = mode_open(forked->mode, "identity");
	struct kreg_found holder = { 0 };
	struct kreg_owner self;

	(void)link;
	if (kreg_register(k, "name", KREG_STRING, "y", 1, &holder) != -EEXIST ||
	    holder.owner.pid != getppid())
		return 1;
	if (kreg_register(k, "child's", KREG_STRING, "y", 1, NULL) || kreg_self(k, &self) ||
	    self.pid != getpid())
		return 2;
	return 0;
}

START_TEST(a_forked_child_that_opens_again_is_another_owner)
{
	struct forked forked = { open_with_name(_i), _i };
	struct child child = child_start(open_again, &forked);

	ck_assert_int_eq(child_end(&child), 0);
	ck_assert(is_there(forked.parents));
	ck_assert_int_eq(kreg_count(forked.parents), 1);
	kreg_close(forked.parents);
}
END_TEST

START_TEST(a_vforked_child_ends_no_life)
{
	struct kreg *k = open_with_name(_i);
	int i, status;

	for (i = 0; i < 100; i++) {
		pid_t pid = vfork();

		if (!pid) {
			if (i % 2)
				execl("/bin/true", "true", (char *)NULL);
			_exit(0);
		}
		ck_assert_int_eq(waitpid(pid, &status, 0), pid);
		ck_assert(is_there(k));
	}
	ck_assert_int_eq(kreg_unregister(k, "name", KREG_STRING), 1);
	kreg_close(k);
}
END_TEST

START_TEST(a_reused_pid_is_not_the_owner)
{
	struct kreg *k = mode_open(_i, "identity");
	struct child child = child_start(hold, &_i);
	struct clone_args args = { .exit_signal = SIGCHLD };
	struct kreg_owner owner;
	pid_t pid = child.pid;
	int fd;

	ck_assert_int_eq(link_hear(child.link), 1);
	ck_assert_int_eq(kreg_lookup(k, "name", KREG_STRING, NULL, 0, &owner), 1);
	fd = kreg_owner_pidfd(k, &owner);
	ck_assert_int_ge(fd, 0);
	close(fd);
	child_kill(&child);
	args.set_tid = (uintptr_t)&pid;
	args.set_tid_size = 1;
	pid = (pid_t)syscall(SYS_clone3, &args, sizeof(args));
	if (!pid)
		_exit(mode_open(_i, "identity") ? pause() : 1);
	if (pid < 0 && errno == EPERM) {
		kreg_close(k);
		return; /* only root may choose a pid */
	}
	ck_assert_int_eq(pid, owner.pid);
	ck_assert(!is_there(k));
	ck_assert_int_eq(kreg_owner_is_alive(k, &owner), 0);
	ck_assert_int_eq(kreg_owner_pidfd(k, &owner), -ESRCH);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	kreg_close(k);
}
END_TEST

START_TEST(a_stopped_owner_keeps_its_name_and_blocks_no_process)
{
	struct kreg *k = mode_open(_i, "identity");
	struct child child = child_start(hold, &_i);
	char key[16];
	int i, status;

	ck_assert_int_eq(link_hear(child.link), 1);
	kill(child.pid, SIGSTOP);
	ck_assert_int_eq(waitpid(child.pid, &status, WUNTRACED), child.pid);
	for (i = 0; i < 10000; i++) {
		snprintf(key, sizeof(key), "k%d", i % 100);
		ck_assert_int_eq(kreg_register(k, key, KREG_STRING, key, 8, NULL), 0);
		ck_assert(is_there(k));
		ck_assert_int_eq(kreg_unregister(k, key, KREG_STRING), 1);
	}
	child_kill(&child);
	ck_assert(!is_there(k));
	kreg_close(k);
}
END_TEST

START_TEST(a_pidfd_of_an_owner_reports_its_death)
{
	struct kreg *k = mode_open(_i, "identity");
	struct child child = child_start(hold, &_i);
	struct pollfd at = { .events = POLLIN };
	struct kreg_owner owner;

	ck_assert_int_eq(link_hear(child.link), 1);
	ck_assert_int_eq(kreg_lookup(k, "name", KREG_STRING, NULL, 0, &owner), 1);
	at.fd = kreg_owner_pidfd(k, &owner);
	ck_assert_int_ge(at.fd, 0);
	ck_assert_int_eq(poll(&at, 1, 0), 0);
	kill(child.pid, SIGKILL);
	ck_assert_int_eq(poll(&at, 1, -1), 1);
	ck_assert_int_eq(kreg_owner_pidfd(k, &owner), -ESRCH);
	close(at.fd);
	child_end(&child);
	kreg_close(k);
}
END_TEST

int main(void)
{
	const TTest *const both[] = {
		a_leader_that_exits_first_ends_no_name,
		a_name_survives_exec_by_the_leader_only_under_the_guard,
		a_name_survives_exec_by_another_thread_only_under_the_guard,
		a_forked_child_may_only_look_up,
		a_forked_child_that_opens_again_is_another_owner,
		a_vforked_child_ends_no_life,
		a_reused_pid_is_not_the_owner,
		a_stopped_owner_keeps_its_name_and_blocks_no_process,
		a_pidfd_of_an_owner_reports_its_death,
		NULL,
	};

	return modes_run(suite_create("identity"), tcase_create("both"), both, NULL, NULL);
}
