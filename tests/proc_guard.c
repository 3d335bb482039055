/* SPDX-License-Identifier: MIT */
/*
 * A life ends and its seat is returned, whichever step of the guard's programs the kernel
 * refuses. What is left then is found by the audit, and never by the next process with that
 * pid.
 */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <linux/sched.h>

#include "bpf/life_layout.h"
#include "tests/support/child.h"
#include "tests/support/guard.h"
#include "tests/support/program.h"
#include "tests/support/small_guard.h"
#include "tests/support/tmp.h"

static uint64_t ticks(void)
{
	struct timespec at;

	clock_gettime(CLOCK_BOOTTIME, &at);
	return ((uint64_t)at.tv_sec * 1000000000ull + (uint64_t)at.tv_nsec) /
	       (1000000000ull / (unsigned long)sysconf(_SC_CLK_TCK));
}

/* A child with the pid @pid, started in a later tick than all before; 0: only root may choose a pid. */
static pid_t start_as(pid_t pid, struct child *child)
{
	struct clone_args args = {
		.exit_signal = SIGCHLD,
		.set_tid = (uintptr_t)&pid,
		.set_tid_size = 1,
	};
	uint64_t before = ticks();
	int links[2];
	pid_t got;

	while (ticks() == before)
		sched_yield();
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, links), 0);
	got = (pid_t)syscall(SYS_clone3, &args, sizeof(args));
	if (!got) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		close(links[0]);
		_exit(hold(links[1], NULL));
	}
	close(links[1]);
	*child = (struct child){ .pid = got, .link = links[0] };
	if (got < 0 && errno == EPERM)
		return 0;
	ck_assert_int_eq(got, pid);
	return got;
}

START_TEST(a_life_ends_although_the_process_cannot_be_removed_from_the_owners)
{
	struct child first, second;
	uint32_t removed;
	struct kreg *k;

	start_guard(LIFE_FAULT_DELETE);
	k = open_registry();
	hold_and_die(k, SEATS);
	ck_assert_uint_eq(status().seats_used, 1);
	ck_assert_uint_eq(status().stale, SEATS);
	/* What stays among the owners gives nobody a seat, not even the next process with that pid. */
	first = child_start(hold, NULL);
	ck_assert_int_eq(link_hear(first.link), 0);
	child_kill(&first);
	if (start_as(first.pid, &second)) {
		ck_assert_int_eq(link_hear(second.link), 0);
		ck_assert_int_eq(kreg_lookup(k, "name", KREG_STRING, NULL, 0, NULL), 1);
		child_kill(&second);
		ck_assert_int_eq(kreg_lookup(k, "name", KREG_STRING, NULL, 0, NULL), -ENOENT);
	}
	ck_assert_int_eq(audit(&removed), 0);
	/* Each status is an audit too; so what it removed is all there was. */
	hold_and_die(k, 3 * SEATS / 2);
	ck_assert_uint_eq(counted(), 3 * SEATS / 2 + 1);
	ck_assert_int_eq(audit(&removed), 0);
	ck_assert_uint_eq(removed, 3 * SEATS / 2);
	ck_assert_uint_eq(counted(), 1);
	kreg_close(k);
	ck_assert_int_eq(stop_guard(true), 0);
}
END_TEST

START_TEST(a_life_whose_end_the_kernel_skipped_in_one_program_is_ended_by_the_other)
{
	static const uint32_t skipped[] = { LIFE_FAULT_EXIT, LIFE_FAULT_AGAIN,
					    LIFE_FAULT_EXIT | LIFE_FAULT_FUNCTIONS };
	struct child child;
	struct kreg *k;
	size_t i;

	for (i = 0; i < sizeof(skipped) / sizeof(skipped[0]); i++) {
		start_guard(skipped[i]);
		k = open_registry();
		child = child_start(hold, NULL);
		ck_assert_int_eq(link_hear(child.link), 0);
		child_kill(&child);
		ck_assert_int_eq(kreg_lookup(k, "name", KREG_STRING, NULL, 0, NULL), -ENOENT);
		ck_assert_uint_eq(status().seats_used, 1);
		ck_assert_uint_eq(status().late, 0);
		kreg_close(k);
		ck_assert_int_eq(stop_guard(true), 0);
	}
}
END_TEST

START_TEST(a_life_whose_end_the_kernel_skipped_is_ended_by_the_audit)
{
	struct kreg_owner owner;
	struct child first, second;
	struct kreg *k;

	start_guard(LIFE_FAULT_EXIT | LIFE_FAULT_AGAIN);
	k = open_registry();
	first = child_start(hold, NULL);
	ck_assert_int_eq(link_hear(first.link), 0);
	ck_assert_int_eq(kreg_lookup(k, "name", KREG_STRING, NULL, 0, &owner), 1);
	/* Not while the process is there, stopped or not. */
	kill(first.pid, SIGSTOP);
	waitpid(first.pid, NULL, WUNTRACED);
	ck_assert_int_eq(audit(NULL), 0);
	/* A zombie will do. */
	child_kill_by_pidfd(&first);
	ck_assert_int_eq(kreg_owner_is_alive(k, &owner), 1);
	ck_assert_int_eq(audit(NULL), 1);
	ck_assert_int_eq(kreg_owner_is_alive(k, &owner), 0);
	ck_assert_int_eq(kreg_lookup(k, "name", KREG_STRING, NULL, 0, NULL), -ENOENT);
	child_end(&first);

	first = child_start(hold, NULL);
	ck_assert_int_eq(link_hear(first.link), 0);
	child_kill(&first);
	if (start_as(first.pid, &second)) {
		/* The next process with the pid is another one, and what it gets is its own. */
		ck_assert_int_eq(link_hear(second.link), -EEXIST);
		ck_assert_int_eq(audit(NULL), 1);
		ck_assert_int_eq(child_ask(&second, 1), 0);
		ck_assert_int_eq(audit(NULL), 0);
		ck_assert_int_eq(kreg_lookup(k, "name", KREG_STRING, NULL, 0, NULL), 1);
		child_kill(&second);
	}
	ck_assert_uint_eq(status().seats_used, 1);
	ck_assert_uint_eq(status().late, 3);
	kreg_close(k);
	ck_assert_int_eq(stop_guard(true), 0);
}
END_TEST

/* Holds a lock, and becomes next_program(). */
static int lock_and_exec(int link, void *data)
{
	struct kreg_lock lock;
	struct kreg *k;
	char fd[16];

	(void)data;
	if (try_open(&k) || kreg_register(k, "name", KREG_STRING, "x", 1, NULL) ||
	    kreg_lock(k, "lock", KREG_STRING, 0, &lock))
		return 1;
	fcntl(link, F_SETFD, 0);
	snprintf(fd, sizeof(fd), "%d", link);
	execl(PROGRAM, PROGRAM, "next", fd, second_guard(), tmp_directory(), (char *)NULL);
	return 1;
}

/* Says whether it gets the lock. */
static int next_program(int link, const char *guard, const char *directory)
{
	struct kreg_lock lock;
	struct kreg *k;
	int err = open_in(&k, guard, directory);

	link_say(link, err ? err : kreg_lock(k, "lock", KREG_STRING, 0, &lock));
	link_hear(link);
	return 0;
}

START_TEST(an_exec_is_counted_once_whichever_guard_programs_see_it)
{
	static const uint32_t skipped[] = { 0,
					    LIFE_FAULT_EXEC,
					    LIFE_FAULT_EXEC_AGAIN,
					    LIFE_FAULT_FUNCTIONS,
					    LIFE_FAULT_EXEC | LIFE_FAULT_FUNCTIONS,
					    LIFE_FAULT_EXEC | LIFE_FAULT_EXEC_AGAIN };
	struct child child;
	struct kreg *k;
	size_t i;

	for (i = 0; i < sizeof(skipped) / sizeof(skipped[0]); i++) {
		start_guard(skipped[i]);
		k = open_registry();
		child = child_start(lock_and_exec, NULL);
		ck_assert_int_eq(link_hear(child.link), 0);
		ck_assert_int_eq(kreg_lookup(k, "name", KREG_STRING, NULL, 0, NULL), 1);
		ck_assert_uint_eq(status().execs, 1);
		child_kill(&child);
		ck_assert_int_eq(kreg_count(k), 0);
		kreg_close(k);
		ck_assert_int_eq(stop_guard(true), 0);
	}
}
END_TEST

int main(int argc, char **argv)
{
	const TTest *const guard[] = {
		a_life_ends_although_the_process_cannot_be_removed_from_the_owners,
		a_life_whose_end_the_kernel_skipped_in_one_program_is_ended_by_the_other,
		a_life_whose_end_the_kernel_skipped_is_ended_by_the_audit,
		an_exec_is_counted_once_whichever_guard_programs_see_it,
		NULL,
	};

	if (argc == 5 && !strcmp(argv[1], "next"))
		return next_program(atoi(argv[2]), argv[3], argv[4]);
	return modes_run(suite_create("guard"), NULL, NULL, tcase_create("guard"), guard);
}
