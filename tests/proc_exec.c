/* SPDX-License-Identifier: MIT */
/*
 * exec in the middle of a call, under the guard: what belongs to the process is counted
 * and can be given up, one by one or by the last close; what belonged to the program is
 * free at once, for any process.
 *
 * A child is single-stepped through a call until it has made a number of atomic changes,
 * and some instructions more; then a signal handler calls exec. The points are a sample,
 * chosen by the seed.
 */
#include <check.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "lib/kreg-services.h"
#include "shm/table.h"
#include "tests/exec/calls.h"
#include "tests/support/child.h"
#include "tests/support/clock.h"
#include "tests/support/guard.h"
#include "tests/support/program.h"
#include "tests/support/tmp.h"
#include "tests/support/unit.h"

/* Instructions after an atomic change. */
#define BEHIND 60
#define ATOMICS_MAX 400

static struct kreg *rw, *ro;

static int make_call(int link, void *data)
{
	const struct call *call = data;

	call_registry = mode_open(MODE_GUARD, "exec");
	if (kreg_register(call_registry, "name", KREG_STRING, "x", 1, NULL))
		return 1;
	if (call->before)
		call->before();
	exec_expect(link);
	if (ptrace(PTRACE_TRACEME, 0, NULL, NULL))
		return 2;
	raise(SIGSTOP);
	call->run();
	raise(SIGSTOP);
	return 0;
}

/* ---- stepping */

/*
 * Whether the next instruction of the child is an atomic change. On other machines each
 * tenth instruction counts as one.
 */
static bool is_atomic(pid_t pid, uint32_t step)
{
#ifdef __x86_64__
	long at = ptrace(PTRACE_PEEKUSER, pid, offsetof(struct user_regs_struct, rip), NULL);
	unsigned long code = (unsigned long)ptrace(PTRACE_PEEKTEXT, pid, at, NULL);

	(void)step;
	/* lock; xchg with an operand in memory, which has a REX prefix where it is 64 bits wide */
	if ((code & 0xf0) == 0x40)
		code >>= 8;
	return (code & 0xff) == 0xf0 || ((code & 0xfe) == 0x86 && (code & 0xc000) != 0xc000);
#else
	(void)pid;
	return step % 10 == 0;
#endif
}

/*
 * Steps over @atomics atomic changes and @behind more instructions. False: the call
 * returned before.
 */
static bool step_to(pid_t pid, uint32_t atomics, uint32_t behind)
{
	uint32_t step, done = 0;
	int status;

	for (step = 0; done < atomics || behind; step++) {
		if (done < atomics)
			done += is_atomic(pid, step);
		else
			behind--;
		if (ptrace(PTRACE_SINGLESTEP, pid, NULL, NULL))
			return false;
		unit_assert(waitpid(pid, &status, 0) == pid);
		if (!WIFSTOPPED(status))
			ck_abort_msg("the child ended: %x", status);
		if (WSTOPSIG(status) == SIGSTOP)
			return false;
	}
	return true;
}

/* Signals the stopped child, and returns when its new program runs, untraced. */
static void exec_now(struct child *child)
{
	int status, signal;

	ck_assert_int_eq(ptrace(PTRACE_CONT, child->pid, NULL, SIGUSR1), 0);
	do {
		ck_assert_int_eq(waitpid(child->pid, &status, 0), child->pid);
		ck_assert_msg(WIFSTOPPED(status), "the child ended: %x", status);
		/*
		 * Signals of its children come first, and the stop that it raised after
		 * its call.
		 */
		signal = WSTOPSIG(status) == SIGSTOP ? 0 : WSTOPSIG(status);
	} while (signal != SIGTRAP && !ptrace(PTRACE_CONT, child->pid, NULL, signal));
	ck_assert_int_eq(ptrace(PTRACE_DETACH, child->pid, NULL, NULL), 0);
	ck_assert_int_eq(link_hear(child->link), EXEC_RUNS);
}

/* ---- a program that cannot walk the table, and changes it during another's walk */

/* Asked to register a name when the next walk of this process begins. */
static struct child *intruder;

int __real_table_next(const struct segment *s, const struct life_table *lives,
		      struct table_walk *walk, struct found *out, order_t *order);
int __wrap_table_next(const struct segment *s, const struct life_table *lives,
		      struct table_walk *walk, struct found *out, order_t *order);

int __wrap_table_next(const struct segment *s, const struct life_table *lives,
		      struct table_walk *walk, struct found *out, order_t *order)
{
	struct child *child = intruder;

	intruder = NULL;
	if (child)
		child_ask(child, EXEC_REGISTER);
	return exec_is_blind ? -ENOMEM : __real_table_next(s, lives, walk, out, order);
}

/* ---- checks */

static void say_fault(const char *sentence, void *data)
{
	fprintf(stderr, "# %s: %s\n", (const char *)data, sentence);
}

static int count_owner(const struct kreg_owner_facts *facts, void *data)
{
	struct kreg_owner owner = facts->owner;
	KREG_PATTERN(his, .owner = &owner);

	ck_assert_msg((int64_t)facts->entries == kreg_count_select(ro, &his),
		      "%s: an owner counts %llu, and a walk finds %lld", (const char *)data,
		      (unsigned long long)facts->entries, (long long)kreg_count_select(ro, &his));
	return 0;
}

/* The counts equal what a walk finds, in total and for each owner. */
static void counts_are_right(const char *where)
{
	int64_t counted = kreg_count(ro), walked = kreg_count_select(ro, NULL);

	ck_assert_msg(counted == walked, "%s: %lld are counted, a walk finds %lld", where,
		      (long long)counted, (long long)walked);
	/* The handle that may write keeps what it has counted before. */
	ck_assert_msg(kreg_count(rw) == walked, "%s: %lld are counted again, a walk finds %lld",
		      where, (long long)kreg_count(rw), (long long)walked);
	ck_assert_int_eq(kreg_each_owner(ro, count_owner, (void *)(uintptr_t)where), 0);
	ck_assert_int_eq(kreg_check(ro, say_fault, (void *)(uintptr_t)where), 0);
}

static void started_ends(void)
{
	KREG_START(how, .argv = (const char *const[]){ PROGRAM, "sleep", NULL });
	struct kreg_started started = { .size = sizeof(started) };
	int err = kreg_start(rw, "started", KREG_STRING, &how, &started);

	/*
	 * The name is started by then, or can be; no process waits for a claim of an
	 * earlier program.
	 */
	ck_assert_msg(!err || err == -EEXIST, "start: %s", kreg_strerror(err));
	kill(started.owner.pid, SIGKILL);
	if (started.child)
		waitpid(started.child, NULL, 0);
	ck_assert_int_eq(kreg_await_gone(rw, "started", KREG_STRING, NULL, HANG_MS), 0);
}

/*
 * Checks after an exec as an observer, then as another writer or from the new program
 * itself, whichever @turn puts first.
 */
static void is_whole(struct child *child, const char *where, uint32_t turn)
{
	struct kreg_lock lock;

	counts_are_right(where);
	ck_assert_int_eq(kreg_lock(rw, "lock", KREG_STRING, HANG_MS, &lock), 0);
	ck_assert_int_eq(kreg_unlock(rw, &lock), 0);
	if (turn & 1) {
		ck_assert_int_ge(kreg_sweep(rw), 0);
		counts_are_right(where);
	}
	ck_assert_int_eq(child_ask(child, EXEC_OPEN), 0);
	counts_are_right(where);
	ck_assert_int_eq(child_ask(child, EXEC_LOCK), 0);
	ck_assert_int_eq(child_ask(child, turn & 2 ? EXEC_CLOSE : EXEC_GIVE_UP), 0);
	counts_are_right(where);
	/* "taken", "line" and the gifts belong to this process. */
	kreg_unregister(rw, "name", KREG_STRING);
	ck_assert_msg(kreg_count(ro) == 2, "%s: %lld names are left", where,
		      (long long)kreg_count(ro));
	ck_assert_int_ge(kreg_sweep(rw), 0);
	child_kill(child);
	ck_assert_int_eq(kreg_count(ro), 2);
	counts_are_right(where);
}

static void open_both(void)
{
	KREG_OPTIONS(reader, .flags = KREG_OPEN_READONLY);

	rw = mode_open(exec_mode, "exec");
	ro = mode_open_as(exec_mode, "exec", &reader);
	ck_assert_int_eq(kreg_register(rw, "line", KREG_STRING, "x", 1, NULL), 0);
	ck_assert_int_eq(kreg_register_with(rw, "taken", KREG_STRING, "x", 1,
					    KREG_REGISTER_REPLACEABLE, NULL),
			 0);
	ck_assert_int_eq(kreg_self(rw, &call_receiver), 0);
}

static void close_both(void)
{
	kreg_close(ro);
	kreg_close(rw);
}

/* For a call that has returned. */
static void call_ends(const struct call *call, struct child *child)
{
	child_kill(child);
	if (call->starts)
		started_ends();
	kreg_unregister(rw, "name", KREG_STRING);
}

/* Interrupts at one point. False: the call has fewer atomic changes. */
static bool interrupt(const struct call *call, uint32_t atomics, uint32_t behind)
{
	struct child child = child_start(make_call, (void *)(uintptr_t)call);
	char where[64];
	int status;

	snprintf(where, sizeof(where), "%s, %u changes and %u instructions", call->name, atomics,
		 behind);
	ck_assert_int_eq(waitpid(child.pid, &status, 0), child.pid);
	ck_assert_msg(WIFSTOPPED(status), "%s: the child ended: %x", where, status);
	/* A sum from before the call, which is not that from after the exec. */
	ck_assert_int_ge(kreg_count(rw), 0);
	if (!step_to(child.pid, atomics, behind)) {
		call_ends(call, &child);
		return false;
	}
	exec_now(&child);
	is_whole(&child, where, atomics + behind);
	if (call->starts)
		started_ends();
	return true;
}

static uint32_t changes_of(const struct call *call)
{
	struct child child = child_start(make_call, (void *)(uintptr_t)call);
	uint32_t changes = 0;
	int status;

	ck_assert_int_eq(waitpid(child.pid, &status, 0), child.pid);
	while (changes < ATOMICS_MAX && step_to(child.pid, 1, 0))
		changes++;
	call_ends(call, &child);
	return changes;
}

static void interrupt_at_points(const struct call *call)
{
	uint32_t points = (call->points - 1) / unit_slowness() + 1, changes, part, i, done = 0;
	int64_t before = clock_ms();

	open_both();
	changes = call->most ? call->most : changes_of(call);
	part = changes / points + (changes < points);
	for (i = 0; i < points && i < changes; i++) {
		/*
		 * One point in each equal part; right after the change in every second
		 * case.
		 */
		uint32_t at = 1 + i * changes / points + (uint32_t)rand() % part;

		done += interrupt(call, at, rand() & 1 ? 0 : (uint32_t)rand() % BEHIND);
	}
	printf("# %s: %u atomic changes, exec at %u points, %lld ms\n", call->name, changes, done,
	       (long long)(clock_ms() - before));
	fflush(stdout);
	close_both();
}

START_TEST(exec_in_the_middle_of_a_call_leaves_counts_right_and_locks_free)
{
	size_t i;

	for (i = 0; i < calls_count; i++)
		interrupt_at_points(&calls[i]);
}
END_TEST

/*
 * The new program registers a name while another process would recover what exec has
 * interrupted. False: the call has fewer atomic changes.
 */
static bool open_blind_after(uint32_t atomics)
{
	struct child child = child_start(make_call, (void *)(uintptr_t)&calls[0]);
	char where[64];
	int status;

	snprintf(where, sizeof(where), "blind, %u changes", atomics);
	ck_assert_int_eq(waitpid(child.pid, &status, 0), child.pid);
	if (!step_to(child.pid, atomics, 0)) {
		call_ends(&calls[0], &child);
		return false;
	}
	exec_now(&child);
	counts_are_right(where);
	ck_assert_int_eq(child_ask(&child, EXEC_OPEN_BLIND), 0);
	counts_are_right(where);
	intruder = &child;
	ck_assert_int_ge(kreg_sweep(rw), 0);
	intruder = NULL;
	counts_are_right(where);
	/* Its next program settles it. */
	ck_assert_int_eq(child_ask(&child, EXEC_AGAIN), EXEC_RUNS);
	is_whole(&child, where, atomics);
	return true;
}

START_TEST(counts_are_right_although_a_new_program_cannot_walk_the_table)
{
	uint32_t atomics;

	open_both();
	for (atomics = 1; open_blind_after(atomics); atomics++)
		;
	printf("# blind after exec at %u points\n", atomics - 1);
	close_both();
}
END_TEST

/* ---- exec by another thread, and what the program held */

static void *make_changes(void *data)
{
	unsigned int *seed = data;

	for (;;) {
		const struct call *call = &calls[rand_r(seed) % calls_of_names];

		if (call->before)
			call->before();
		call->run();
		call_give_up(call_registry);
	}
	return NULL;
}

static int exec_by_another_thread(int link, void *data)
{
	unsigned int seed = *(unsigned int *)data, seeds[2] = { seed + 1, seed + 2 };
	struct timespec some = { .tv_nsec = 1 + (long)(rand_r(&seed) % 2000000) };
	pthread_t threads[2];
	int i;

	call_registry = mode_open(MODE_GUARD, "exec");
	exec_expect(link);
	for (i = 0; i < 2; i++) {
		if (pthread_create(&threads[i], NULL, make_changes, &seeds[i]))
			return 1;
	}
	nanosleep(&some, NULL);
	exec_become_next(0);
	return 1;
}

START_TEST(exec_by_another_thread_leaves_counts_right)
{
	int i;

	open_both();
	for (i = 0; i < 40; i++) {
		unsigned int seed = (unsigned int)rand();
		struct child child = child_start(exec_by_another_thread, &seed);
		char where[32];

		snprintf(where, sizeof(where), "threads, seed %u", seed);
		ck_assert_int_eq(link_hear(child.link), EXEC_RUNS);
		is_whole(&child, where, seed);
		/* What it gave to this process. */
		call_give_up(rw);
		kreg_register(rw, "line", KREG_STRING, "x", 1, NULL);
		kreg_register_with(rw, "taken", KREG_STRING, "x", 1, KREG_REGISTER_REPLACEABLE,
				   NULL);
	}
	close_both();
}
END_TEST

/* Until a signal makes it call exec. */
static void __attribute__((noreturn)) hold_on(int link)
{
	call_hold_all();
	exec_expect(link);
	link_say(link, 0);
	for (;;)
		pause();
}

static int hold_all(int link, void *data)
{
	(void)data;
	call_registry = mode_open(MODE_GUARD, "exec");
	hold_on(link);
}

static int64_t locked_at;

static void *wait_for_lock(void *data)
{
	struct kreg_lock lock;
	int err = kreg_lock(rw, "lock", KREG_STRING, HANG_MS, &lock);

	locked_at = clock_ms();
	if (!err)
		err = kreg_unlock(rw, &lock);
	return err ? NULL : data;
}

START_TEST(exec_frees_a_lock_for_its_waiter_and_keeps_the_names_of_the_process)
{
	struct kreg_lock lock;
	struct child child;
	pthread_t waiter;
	int64_t before;
	void *got;

	open_both();
	child = child_start_ready(hold_all, NULL);
	ck_assert_int_eq(kreg_lock(rw, "lock", KREG_STRING, 0, &lock), -ETIMEDOUT);
	ck_assert_int_eq(pthread_create(&waiter, NULL, wait_for_lock, rw), 0);
	before = clock_ms();
	kill(child.pid, SIGUSR1);
	ck_assert_int_eq(link_hear(child.link), EXEC_RUNS);
	pthread_join(waiter, &got);
	ck_assert_ptr_nonnull(got);
	printf("# a lock of an earlier program: free for a waiter after %lld ms\n",
	       (long long)(locked_at - before));
	ck_assert_int_lt(locked_at - before, 5000 * (int64_t)unit_slowness());
	/*
	 * The name is still reserved and the line still waited in; the new program gives
	 * both up.
	 */
	ck_assert_int_eq(kreg_register(rw, "reserved", KREG_STRING, "x", 1, NULL), -EEXIST);
	ck_assert_int_eq(kreg_count(ro), 3);
	is_whole(&child, "locks", 0);
	ck_assert_int_eq(kreg_register(rw, "reserved", KREG_STRING, "x", 1, NULL), 0);
	close_both();
}
END_TEST

START_TEST(a_lock_of_an_earlier_program_does_not_keep_the_registry)
{
	KREG_OPTIONS(options, .directory = tmp_directory(), .guard = mode_guard(MODE_GUARD));
	struct child child;

	child = child_start_ready(hold_all, NULL);
	ck_assert_int_eq(kreg_destroy("exec", &options, 0), -EBUSY);
	kill(child.pid, SIGUSR1);
	ck_assert_int_eq(link_hear(child.link), EXEC_RUNS);
	/* Its names keep the registry in use. */
	ck_assert_int_eq(kreg_destroy("exec", &options, 0), -EBUSY);
	ck_assert_int_eq(child_ask(&child, EXEC_OPEN), 0);
	ck_assert_int_eq(child_ask(&child, EXEC_GIVE_UP), 0);
	ck_assert_int_eq(kreg_destroy("exec", &options, 0), 0);
	child_kill(&child);
}
END_TEST

static int hold_names_too(int link, void *data)
{
	static char large[60000];

	(void)data;
	call_registry = mode_open(exec_mode, "exec");
	if (kreg_register(call_registry, "name", KREG_STRING, "x", 1, NULL) ||
	    kreg_register(call_registry, "new", KREG_STRING, large, sizeof(large), NULL))
		return 1;
	hold_on(link);
}

static uint64_t bytes_used(void)
{
	struct kreg_stat stat = { .size = sizeof(stat) };

	ck_assert_int_ge(kreg_sweep(rw), 0);
	ck_assert_int_eq(kreg_stat(rw, &stat), 0);
	return stat.bytes_used;
}

START_TEST(the_last_close_removes_what_an_earlier_program_left)
{
	int kept = _i == MODE_GUARD ? 3 : 0;
	struct child child;
	uint64_t base;

	exec_mode = _i;
	open_both();
	base = bytes_used();
	child = child_start_ready(hold_names_too, NULL);
	ck_assert_int_eq(kreg_count(ro), 2 + 3);
	kill(child.pid, SIGUSR1);
	ck_assert_int_eq(link_hear(child.link), EXEC_RUNS);
	ck_assert_int_eq(kreg_count(ro), 2 + kept);
	ck_assert_int_eq(child_ask(&child, EXEC_OPEN), 0);
	ck_assert_int_eq(child_ask(&child, EXEC_OPEN), 0);
	/* They belong to no single handle. */
	ck_assert_int_eq(child_ask(&child, EXEC_CLOSE), 0);
	counts_are_right("one of two handles is closed");
	ck_assert_int_eq(kreg_count(ro), 2 + kept);
	ck_assert_int_eq(kreg_register(rw, "reserved", KREG_STRING, "x", 1, NULL),
			 kept ? -EEXIST : 0);
	ck_assert_int_eq(child_ask(&child, EXEC_CLOSE), 0);
	counts_are_right("the last handle is closed");
	kreg_unregister(rw, "reserved", KREG_STRING);
	ck_assert_int_eq(kreg_count(ro), 2);
	ck_assert_int_eq(kreg_await_gone(rw, "name", KREG_STRING, NULL, HANG_MS), 0);
	ck_assert_int_eq(kreg_register(rw, "reserved", KREG_STRING, "x", 1, NULL), 0);
	ck_assert_int_eq(kreg_unregister(rw, "reserved", KREG_STRING), 1);
	/* Its memory is reclaimed although the process lives. */
	ck_assert_uint_eq(bytes_used(), base);
	ck_assert_int_eq(child_ask(&child, EXEC_OPEN), 0);
	counts_are_right("it has opened again");
	child_kill(&child);
	close_both();
}
END_TEST

static int start_and_wait(int link, void *data)
{
	KREG_START(how, .argv = (const char *const[]){ PROGRAM, "tell", data, "runs", NULL },
		   .ready = KREG_READY_NOTIFY);
	struct kreg_started started = { .size = sizeof(started) };

	call_registry = mode_open(MODE_GUARD, "exec");
	exec_expect(link);
	link_say(link, 0);
	kreg_start(call_registry, "started", KREG_STRING, &how, &started);
	return 1;
}

START_TEST(a_claim_of_an_earlier_program_does_not_block_a_start)
{
	struct child child;
	int64_t before;
	char file[128];

	snprintf(file, sizeof(file), "%s/runs", tmp_directory());
	open_both();
	child = child_start_ready(start_and_wait, file);
	/* It runs, and never reports that it is ready. */
	while (access(file, F_OK))
		usleep(1000);
	ck_assert_int_eq(kreg_register(rw, "started", KREG_STRING, "x", 1, NULL), -EEXIST);
	kill(child.pid, SIGUSR1);
	ck_assert_int_eq(link_hear(child.link), EXEC_RUNS);
	before = clock_ms();
	started_ends();
	printf("# a claim of an earlier program: started after %lld ms\n",
	       (long long)(clock_ms() - before));
	is_whole(&child, "claim", 1);
	close_both();
}
END_TEST

int main(int argc, char **argv)
{
	const TTest *const both[] = { the_last_close_removes_what_an_earlier_program_left, NULL };
	const TTest *const guard[] = {
		exec_in_the_middle_of_a_call_leaves_counts_right_and_locks_free,
		counts_are_right_although_a_new_program_cannot_walk_the_table,
		exec_by_another_thread_leaves_counts_right,
		exec_frees_a_lock_for_its_waiter_and_keeps_the_names_of_the_process,
		a_lock_of_an_earlier_program_does_not_keep_the_registry,
		a_claim_of_an_earlier_program_does_not_block_a_start,
		NULL,
	};
	unsigned int seed;

	if (argc == 5 && !strcmp(argv[1], "next"))
		return exec_next(atoi(argv[2]), argv[3], argv[4]);
	program_run(argc, argv);
	seed = unit_seed();
	srand(seed);
	printf("# KREG_SEED=%u\n", seed);
	fflush(stdout);
	return modes_run(suite_create("exec"), tcase_create("both"), both, tcase_create("guard"),
			 guard);
}
