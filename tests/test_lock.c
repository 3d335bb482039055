/* SPDX-License-Identifier: MIT */
/*
 * Locks: one thread at a time, and each that waits gets its turn, whatever the kernel refuses.
 */
#include <check.h>
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stddef.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/futex.h>
#include <linux/seccomp.h>

#include "base/lock.h"
#include "tests/support/refuse.h"
#include "tests/support/unit.h"

#define THREADS 4
#define ROUNDS 20000

static struct lock lock;
static volatile long count;
static long waits;
/* Whether a thread that waits says so in the word. */
static bool is_told;

static bool is_waited_for(void)
{
	return __atomic_load_n(&lock.word, __ATOMIC_RELAXED) & FUTEX_WAITERS;
}

static void *add(void *data)
{
	int i;

	(void)data;
	for (i = 0; i < ROUNDS; i++) {
		lock_take(&lock);
		/* The first one holds it until another has come. */
		while (is_told && !waits && !is_waited_for())
			sched_yield();
		/* The others find it held. */
		if (!(i % 100))
			sched_yield();
		count = count + 1;
		waits += is_waited_for();
		lock_give(&lock);
	}
	return NULL;
}

static void refuse_nothing(void)
{
}

/* Priorities are not lent. */
static void refuse_lending(void)
{
	struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_futex, 0, 4),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[1])),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, FUTEX_LOCK_PI_PRIVATE, 1, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, FUTEX_UNLOCK_PI_PRIVATE, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};

	ck_assert_int_eq(refuse_by(filter, sizeof(filter) / sizeof(*filter)), 0);
}

/* A thread does not learn its id. */
static void refuse_ids(void)
{
	ck_assert_int_eq(refuse_call(SYS_gettid, EPERM), 0);
}

static void refuse_both(void)
{
	refuse_ids();
	refuse_lending();
}

static void lend_first(void)
{
	lock_take(&lock);
	lock_give(&lock);
	refuse_lending();
}

static void (*const refusals[])(void) = {
	refuse_nothing, refuse_lending, refuse_ids, refuse_both, lend_first,
};

#define REFUSALS ((int)(sizeof(refusals) / sizeof(*refusals)))

START_TEST(one_thread_at_a_time_holds_it)
{
	pthread_t threads[THREADS];
	int i;

	refusals[_i]();
	/* Where waiting is refused once it was found to be allowed, they only pause. */
	is_told = refusals[_i] != lend_first;
	for (i = 0; i < THREADS; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, add, NULL), 0);
	for (i = 0; i < THREADS; i++)
		ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
	ck_assert_int_eq(count, THREADS * (long)ROUNDS);
	ck_assert_uint_eq(lock.word, 0);
	ck_assert(waits || !is_told);
}
END_TEST

/* Its thread has the parent's local storage, and an id of its own. */
START_TEST(a_child_of_fork_takes_a_lock_by_its_own_id)
{
	int status;
	pid_t pid;

	lock_take(&lock);
	ck_assert_uint_eq(lock.word, (uint32_t)gettid());
	lock_give(&lock);
	pid = fork();
	ck_assert_int_ge(pid, 0);
	if (!pid) {
		lock_take(&lock);
		_exit(lock.word == (uint32_t)gettid() ? 0 : 1);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("lock");
	TCase *tcase = tcase_create("lock");

	suite_add_tcase(suite, tcase);
	tcase_set_timeout(tcase, 60 * unit_slowness());
	tcase_add_loop_test(tcase, one_thread_at_a_time_holds_it, 0, REFUSALS);
	tcase_add_test(tcase, a_child_of_fork_takes_a_lock_by_its_own_id);
	return unit_run_suite(suite);
}
