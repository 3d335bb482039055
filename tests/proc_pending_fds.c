/* SPDX-License-Identifier: MIT */
/*
 * What pending waits cost, and what is left of them: one fd each and a few threads, whatever
 * limits, sandboxes, forks and the program's own close(2) do to them.
 */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/clock.h"
#include "lib/kreg.h"
#include "tests/support/child.h"
#include "tests/support/guard.h"
#include "tests/support/pendings.h"
#include "tests/support/refuse.h"
#include "tests/support/unit.h"

static struct kreg *k;
static int mode;

static void open_mode(int in)
{
	mode = in;
	k = mode_open(in, "pending");
}

static int count_fds(void)
{
	return unit_entries("/proc/self/fd");
}

/* Threads start by themselves. */
static void assert_threads(int wanted)
{
	uint64_t end = clock_after_ms(PATIENCE_MS);

	while (unit_threads() != wanted && clock_now() < end)
		sched_yield();
	ck_assert_int_eq(unit_threads(), wanted);
}

static void raise_limit(void)
{
	struct rlimit limit;

	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
	ck_assert_uint_ge(limit.rlim_max, MANY + 100);
	limit.rlim_cur = limit.rlim_max;
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
}

START_TEST(thousands_wait_with_one_fd_each_and_a_few_threads)
{
	static struct kreg_pending *there[MANY], *gone[MANY];
	int fds, threads, wakers, i;
	struct child other;
	char key[16];

	raise_limit();
	open_mode(_i);
	other = start_other(mode);
	threads = unit_threads();
	fds = count_fds();
	for (i = 0; i < MANY; i++) {
		snprintf(key, sizeof(key), "many-%d", i);
		there[i] = await_name(k, key);
	}
	/* One for each 127 bells, with a channel; and two of the attendant. */
	wakers = count_fds() - fds - MANY;
	ck_assert_int_ge(wakers, 2);
	ck_assert_int_le(wakers, 3);
	assert_threads(threads + 2 + wakers);
	ask(&other, MANY_NAMES);
	for (i = 0; i < MANY; i++) {
		snprintf(key, sizeof(key), "many-%d", i);
		ck_assert_int_eq(result_of(there[i], NULL), 0);
		gone[i] = await_gone(k, key, NULL);
		kreg_pending_close(there[i]);
	}
	child_kill(&other);
	for (i = 0; i < MANY; i++)
		assert_ends(gone[i], 0);
	/* Without the link to the other process. */
	ck_assert_int_eq(count_fds(), fds - 1 + wakers);
	kreg_close(k);
	ck_assert_int_eq(count_fds(), fds - 1);
	/* In the fallback the handle itself has one. */
	assert_threads(threads - (mode == MODE_FALLBACK));
}
END_TEST

static int inherit(int link, void *data)
{
	struct kreg_pending **pendings = data;
	struct kreg_pending *own = NULL;
	int fds = count_fds(), bad;

	bad = kreg_pending_result(pendings[0], NULL) != -EOWNERDEAD;
	bad |= kreg_await_begin(&own, k, "other", KREG_STRING) != -EOWNERDEAD;
	/* One before the handle, and one after it. */
	kreg_pending_close(pendings[0]);
	kreg_close(k);
	bad |= kreg_pending_result(pendings[1], NULL) != -EOWNERDEAD;
	kreg_pending_close(pendings[1]);
	bad |= count_fds() != fds - 3;
	link_say(link, bad);
	link_hear(link);
	return 0;
}

START_TEST(a_child_of_fork_closes_only_its_copies)
{
	struct kreg_pending *pendings[2];
	struct child other, child;

	open_mode(_i);
	other = start_other(mode);
	pendings[0] = await_name(k, "name");
	pendings[1] = await_name(k, "name");
	child = child_start_ready(inherit, pendings);
	assert_waits(pendings[0]);
	ask(&other, REGISTER);
	assert_ends(pendings[0], 0);
	assert_ends(pendings[1], 0);
	child_kill(&child);
	child_kill(&other);
	kreg_close(k);
}
END_TEST

START_TEST(closing_the_handle_ends_its_waits)
{
	struct kreg_pending *waits, *lock = NULL, *is_over;
	struct kreg_lock held;
	int fds = count_fds();

	open_mode(_i);
	ck_assert_int_eq(kreg_register(k, "here", KREG_STRING, NULL, 0, NULL), 0);
	waits = await_name(k, "name");
	is_over = await_name(k, "here");
	ck_assert_int_eq(kreg_lock_begin(&lock, k, "lock", KREG_STRING), 0);
	kreg_close(k);
	ck_assert(is_readable(kreg_pending_fd(waits), 0));
	ck_assert(is_readable(kreg_pending_fd(lock), 0));
	ck_assert_int_eq(kreg_pending_result(waits, NULL), -ECANCELED);
	ck_assert_int_eq(kreg_pending_result(is_over, NULL), -ECANCELED);
	ck_assert_int_eq(kreg_pending_lock(lock, &held), -ECANCELED);
	kreg_pending_close(waits);
	kreg_pending_close(is_over);
	kreg_pending_close(lock);
	ck_assert_int_eq(count_fds(), fds);
}
END_TEST

START_TEST(the_program_may_close_any_fd_and_use_its_number)
{
	struct kreg_pending *closed, *before, *after;
	int fd, null, other_fd, highest;
	struct child other;

	open_mode(_i);
	other = start_other(mode);
	highest = dup(STDERR_FILENO);
	closed = await_name(k, "name");
	before = await_name(k, "name");
	ck_assert_int_ne(fcntl(kreg_pending_fd(before), F_GETFD) & FD_CLOEXEC, 0);
	/* All that the library has but one; the numbers become files of the program. */
	null = open("/dev/null", O_RDWR);
	for (fd = highest + 1; fd < null; fd++) {
		if (fd == kreg_pending_fd(before) || fd == other.link)
			continue;
		dup2(null, fd);
	}
	other_fd = kreg_pending_fd(closed);
	after = await_name(k, "name");
	assert_waits(before);
	assert_waits(after);
	ask(&other, REGISTER);
	assert_ends(before, 0);
	assert_ends(after, 0);
	ck_assert_int_eq(kreg_pending_result(closed, NULL), 0);
	kreg_pending_close(closed);
	ck_assert_int_eq(fcntl(other_fd, F_GETFD), 0);
	child_kill(&other);
	kreg_close(k);
	ck_assert_int_eq(fcntl(other_fd, F_GETFD), 0);
}
END_TEST

START_TEST(without_a_free_fd_nothing_is_left)
{
	struct kreg_pending *pending = NULL, *last = NULL;
	struct rlimit limit, all;
	int fds, threads, lowest, err, tries, free_fds;

	open_mode(_i);
	threads = unit_threads();
	fds = count_fds();
	lowest = dup(STDERR_FILENO);
	close(lowest);
	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &all), 0);
	for (free_fds = 0, tries = 0; free_fds < 12; free_fds++) {
		limit = all;
		limit.rlim_cur = (rlim_t)(lowest + free_fds);
		ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
		err = kreg_await_begin(&pending, k, "name", KREG_STRING);
		ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &all), 0);
		if (!err) {
			assert_waits(pending);
			kreg_pending_close(pending);
			break;
		}
		ck_assert_int_eq(err, -EMFILE);
		ck_assert_ptr_null(pending);
		/* Threads and their channel may stay for the next wait; of this one nothing does. */
		ck_assert_int_le(count_fds(), fds + 1);
		ck_assert_int_le(unit_threads(), threads + 3);
		tries++;
	}
	ck_assert_int_ge(tries, 2);
	ck_assert_int_lt(free_fds, 12);
	last = await_name(k, "name");
	ck_assert_int_eq(kreg_register(k, "name", KREG_STRING, NULL, 0, NULL), 0);
	assert_ends(last, 0);
	kreg_close(k);
	ck_assert_int_eq(count_fds(), fds);
	/* In the fallback the handle itself has one. */
	assert_threads(threads - (mode == MODE_FALLBACK));
}
END_TEST

/* Waits where the kernel has no futex_waitv(2), or no futex at all. */
static int wait_refused(int link, void *data)
{
	struct kreg_pending *pendings[16];
	char key[16];
	int i, err = refuse_call(*(long *)data, EPERM);

	k = mode_open(mode, "pending");
	for (i = 0; i < 16 && !err; i++) {
		snprintf(key, sizeof(key), i ? "many-%d" : "name", i);
		err = kreg_await_begin(&pendings[i], k, key, KREG_STRING);
	}
	link_say(link, err);
	link_say(link, result_of(pendings[0], NULL));
	for (i = 0; i < 16; i++)
		kreg_pending_close(pendings[i]);
	kreg_close(k);
	return 0;
}

START_TEST(a_sandbox_may_refuse_to_wait_for_several_futexes)
{
	long call = SYS_futex_waitv;
	struct child waiter;

	open_mode(_i);
	waiter = child_start_ready(wait_refused, &call);
	ck_assert_int_eq(kreg_register(k, "name", KREG_STRING, NULL, 0, NULL), 0);
	ck_assert_int_eq(link_hear(waiter.link), 0);
	ck_assert_int_eq(child_end(&waiter), 0);
	kreg_close(k);
}
END_TEST

int main(void)
{
	const TTest *const both[] = {
		thousands_wait_with_one_fd_each_and_a_few_threads,
		a_child_of_fork_closes_only_its_copies,
		closing_the_handle_ends_its_waits,
		the_program_may_close_any_fd_and_use_its_number,
		without_a_free_fd_nothing_is_left,
		a_sandbox_may_refuse_to_wait_for_several_futexes,
		NULL,
	};

	return modes_run(suite_create("pending fds"), tcase_create("both"), both, NULL, NULL);
}
