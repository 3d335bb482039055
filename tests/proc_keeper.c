/* SPDX-License-Identifier: MIT */
/*
 * The fallback's keeper: the kernel ends a life whatever happened to the process's
 * memory, and never the life of another process with the same TID in another PID
 * namespace.
 */
#include <check.h>
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/kreg-services.h"
#include "shm/life.h"
#include "tests/support/child.h"
#include "tests/support/guard.h"
#include "tests/support/unit.h"

#ifndef SYS_process_mrelease
#define SYS_process_mrelease 448
#endif

#define ROUNDS 60
#define SEATS 3u

/* More instructions than taking a seat needs, with any compiler. */
#define STEPS_MAX 20000
/* A sanitizer asks each new thread for its TID once before. */
#ifdef __SANITIZE_ADDRESS__
#define ASKS 2
#else
#define ASKS 1
#endif

static int hold_name(int link, void *data)
{
	struct kreg *k = mode_open(MODE_FALLBACK, "keeper");

	(void)data;
	link_say(link, kreg_register(k, "name", KREG_STRING, NULL, 0, NULL));
	link_hear(link);
	return 0;
}

/* Kills as an OOM killer does. 1: the memory was reaped before the process had freed it. */
static int kill_and_reap(pid_t pid)
{
	int fd = (int)syscall(SYS_pidfd_open, pid, 0), got;

	ck_assert_int_ge(fd, 0);
	kill(pid, SIGKILL);
	got = (int)syscall(SYS_process_mrelease, fd, 0);
	ck_assert(!got || errno == ESRCH || errno == ENOSYS || errno == EINVAL);
	close(fd);
	return !got;
}

START_TEST(the_names_of_a_process_whose_memory_was_reaped_are_gone_after_waitpid)
{
	struct kreg *k = mode_open(MODE_FALLBACK, "keeper");
	struct kreg_owner owner;
	int round, reaped = 0;

	for (round = 0; round < ROUNDS; round++) {
		struct child child = child_start(hold_name, NULL);

		ck_assert_int_eq(link_hear(child.link), 0);
		reaped += kill_and_reap(child.pid);
		child_end(&child);
		ck_assert_int_eq(kreg_whereis(k, "name", KREG_STRING, &owner), -ENOENT);
	}
	printf("reaped %d of %d\n", reaped, ROUNDS);
	kreg_close(k);
}
END_TEST

START_TEST(the_name_of_a_program_whose_foster_was_reaped_is_gone_after_waitpid)
{
	const char *const argv[] = { "sleep", "1000", NULL };
	KREG_START(how, .argv = argv);
	struct kreg *k = mode_open(MODE_FALLBACK, "keeper");
	struct kreg_started started = { .size = sizeof(started) };
	struct kreg_owner owner;
	int round, reaped = 0;

	for (round = 0; round < ROUNDS / 2; round++) {
		ck_assert_int_eq(kreg_start(k, "program", KREG_STRING, &how, &started), 0);
		reaped += kill_and_reap(started.child);
		ck_assert_int_eq(waitpid(started.child, NULL, 0), started.child);
		ck_assert_int_eq(kreg_whereis(k, "program", KREG_STRING, &owner), -ENOENT);
	}
	printf("reaped %d of %d\n", reaped, ROUNDS / 2);
	kreg_close(k);
}
END_TEST

/*
 * What a child of fork() does to its copy of the parent's handle does not affect the
 * parent.
 */
static int close_copy(int link, void *data)
{
	(void)link;
	kreg_close(data);
	return 0;
}

START_TEST(a_child_of_fork_that_closes_its_copy_leaves_the_life_to_its_parent)
{
	struct kreg *k = mode_open(MODE_FALLBACK, "keeper"), *other;
	struct child child;
	struct kreg_owner owner;

	ck_assert_int_eq(kreg_register(k, "parent", KREG_STRING, NULL, 0, NULL), 0);
	child = child_start(close_copy, k);
	ck_assert_int_eq(child_end(&child), 0);
	child = child_start(hold_name, NULL);
	ck_assert_int_eq(link_hear(child.link), 0);
	ck_assert_int_eq(kreg_whereis(k, "parent", KREG_STRING, &owner), 0);
	kreg_close(k);
	other = mode_open(MODE_FALLBACK, "keeper");
	ck_assert_int_eq(kreg_whereis(other, "parent", KREG_STRING, &owner), -ENOENT);
	ck_assert_int_eq(kreg_whereis(other, "name", KREG_STRING, &owner), 0);
	child_kill(&child);
	kreg_close(other);
}
END_TEST

/*
 * The first fields of what PTRACE_GET_SYSCALL_INFO returns; libraries give the struct
 * several names.
 */
struct syscall_stop {
	uint8_t op;
	uint8_t pad[3];
	uint32_t arch;
	uint64_t instruction, stack;
	uint64_t number;
};

/* Shared by two processes in two PID namespaces. */
struct shared {
	uint64_t words[SEATS];
	uint64_t owner; /* of the second process */
};

static struct shared *shared;

/*
 * The first process of a PID namespace: its keeper is thread 2 there, as in any other
 * namespace.
 */
static pid_t start_in_namespace(bool traced)
{
	struct life_self self;
	uint64_t flags = CLONE_NEWPID | SIGCHLD | (geteuid() ? CLONE_NEWUSER : 0);
	pid_t pid = (pid_t)syscall(SYS_clone, flags, NULL, NULL, NULL, NULL);

	if (pid)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (traced) {
		ptrace(PTRACE_TRACEME, 0, NULL, NULL);
		raise(SIGSTOP);
	}
	if (life_robust_begin(&self, shared->words, SEATS) || life_robust_attach(&self))
		_exit(1);
	if (!traced)
		store_release(&shared->owner, self.owner);
	for (;;)
		pause();
}

static pid_t wait_for_stop(pid_t pid, int *status)
{
	pid_t got;

	while ((got = waitpid(pid, status, __WALL)) < 0)
		ck_assert_int_eq(errno, EINTR);
	return WIFSTOPPED(*status) ? got : 0;
}

/*
 * Runs the traced process until its keeper asks for its TID, and @steps instructions
 * more. Return: the keeper.
 */
static pid_t trace_keeper(pid_t pid, int steps)
{
	struct syscall_stop at;
	unsigned long message;
	int status, asks = 0;
	pid_t keeper;

	ck_assert_int_eq(wait_for_stop(pid, &status), pid);
	ck_assert(!ptrace(PTRACE_SETOPTIONS, pid, NULL,
			  PTRACE_O_TRACECLONE | PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL));
	do {
		ck_assert(!ptrace(PTRACE_CONT, pid, NULL, NULL));
		ck_assert_int_eq(wait_for_stop(pid, &status), pid);
	} while (status >> 8 != (SIGTRAP | PTRACE_EVENT_CLONE << 8));
	ck_assert(!ptrace(PTRACE_GETEVENTMSG, pid, NULL, &message));
	keeper = (pid_t)message;
	ck_assert_int_eq(wait_for_stop(keeper, &status), keeper);
	do {
		ck_assert(!ptrace(PTRACE_SYSCALL, keeper, NULL, NULL));
		ck_assert_int_eq(wait_for_stop(keeper, &status), keeper);
		ck_assert_int_gt(ptrace(PTRACE_GET_SYSCALL_INFO, keeper, sizeof(at), &at), 0);
		asks += at.op == PTRACE_SYSCALL_INFO_ENTRY && at.number == SYS_gettid;
	} while (asks < ASKS);
	while (steps--) {
		unit_assert(!ptrace(PTRACE_SINGLESTEP, keeper, NULL, NULL));
		unit_assert(wait_for_stop(keeper, &status) == keeper);
	}
	return keeper;
}

static bool is_alive(uint64_t owner)
{
	uint64_t word = load_acquire(&shared->words[owner_seat(owner)]);

	return life_word_is(word, owner);
}

/* One is stopped after @steps instructions, and killed when the other has taken a seat. */
static bool meet(int steps)
{
	pid_t other, keeper, pid = start_in_namespace(true);
	uint64_t first;
	int status;

	ck_assert_int_gt(pid, 0);
	keeper = trace_keeper(pid, steps);
	first = shared->words[0];
	other = start_in_namespace(false);
	ck_assert_int_gt(other, 0);
	while (!load_acquire(&shared->owner))
		sched_yield();
	kill(pid, SIGKILL);
	/* The tracer reaps each thread by itself, and the first one last. */
	ck_assert_int_eq(wait_for_stop(keeper, &status), 0);
	ck_assert_int_eq(wait_for_stop(pid, &status), 0);
	ck_assert_msg(is_alive(shared->owner), "after %d instructions, at %lx", steps,
		      (unsigned long)first);
	kill(other, SIGKILL);
	ck_assert_int_eq(waitpid(other, NULL, 0), other);
	ck_assert(!is_alive(shared->owner));
	return !first || (first & LIFE_OVER);
}

START_TEST(a_killed_keeper_ends_no_life_with_its_tid_in_another_pid_namespace)
{
	unsigned int seed = unit_seed();
	int stride = (int)unit_slowness(), steps = (int)(seed % (unsigned int)stride);
	bool goes_on;
	pid_t pid;

	pid = start_in_namespace(false);
	if (pid < 0)
		return; /* ordinary users cannot make a namespace here */
	kill(pid, SIGKILL);
	ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
	printf("# KREG_SEED=%u\n", seed);
	fflush(stdout);
	do {
		*shared = (struct shared){ 0 };
		goes_on = meet(steps);
		steps += stride;
		ck_assert_int_lt(steps, STEPS_MAX);
	} while (goes_on);
	printf("# %d instructions\n", steps);
}
END_TEST

START_TEST(a_seat_claimed_by_a_dead_process_is_taken_when_no_other_is_free)
{
	struct life_self self;
	uint32_t seat;

	for (seat = 0; seat < SEATS; seat++)
		shared->words[seat] = 7ull << LIFE_INCARNATION_SHIFT | LIFE_OVER | (seat + 1);
	shared->words[SEATS - 1] = 7ull << LIFE_INCARNATION_SHIFT | LIFE_OVER;
	ck_assert_int_eq(life_robust_begin(&self, shared->words, SEATS), 0);
	ck_assert_int_eq(life_robust_attach(&self), 0);
	ck_assert_uint_eq(owner_seat(self.owner), SEATS - 1);
	shared->owner = self.owner;
	ck_assert_int_eq(life_robust_begin(&self, shared->words, SEATS), 0);
	ck_assert_int_eq(life_robust_attach(&self), 0);
	ck_assert_uint_eq(owner_seat(self.owner), 0);
	ck_assert_uint_eq(owner_incarnation(self.owner), 8);
	ck_assert(is_alive(self.owner) && is_alive(shared->owner));
	life_robust_detach(&self);
	ck_assert_uint_eq(shared->words[0], 8ull << LIFE_INCARNATION_SHIFT | LIFE_OVER);
}
END_TEST

static void set_up(void)
{
	shared = child_shared(sizeof(*shared));
}

int main(void)
{
	const TTest *const tests[] = {
		the_names_of_a_process_whose_memory_was_reaped_are_gone_after_waitpid,
		the_name_of_a_program_whose_foster_was_reaped_is_gone_after_waitpid,
		a_child_of_fork_that_closes_its_copy_leaves_the_life_to_its_parent,
		a_killed_keeper_ends_no_life_with_its_tid_in_another_pid_namespace,
		a_seat_claimed_by_a_dead_process_is_taken_when_no_other_is_free,
		NULL,
	};

	return unit_run("keeper", set_up, NULL, tests);
}
