/* SPDX-License-Identifier: MIT */
/*
 * Promise 2: all entries of a dead process vanish at once, however many they are, and
 * every byte of their memory is reclaimed.
 */
#include <check.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/support/child.h"
#include "tests/support/guard.h"

#define MANY 100000
#define ROUNDS 3 /* for a ratio that is printed, not required */

struct task {
	int mode;
	int keep; /* entries when it dies */
};

/*
 * Both kinds of child register all names and so touch as much memory; the child that
 * keeps one entry unregisters the rest. Their deaths then differ only in the number of
 * entries.
 */
static int register_many(int link, void *data)
{
	struct task *task = data;
	struct kreg *k = mode_open(task->mode, "death");
	char key[32];
	int i, err = 0;

	for (i = 0; i < MANY && !err; i++) {
		snprintf(key, sizeof(key), "entry-%d", i);
		err = kreg_register(k, key, KREG_STRING, &i, sizeof(i), NULL);
	}
	for (i = task->keep; i < MANY && err >= 0; i++) {
		snprintf(key, sizeof(key), "entry-%d", i);
		err = kreg_unregister(k, key, KREG_STRING);
	}
	link_say(link, err < 0 ? err : (int64_t)kreg_count(k));
	link_hear(link);
	return 0;
}

static struct kreg_stat stat_of(struct kreg *k)
{
	struct kreg_stat stat = { .size = sizeof(stat) };

	ck_assert_int_eq(kreg_stat(k, &stat), 0);
	return stat;
}

static int found_of(struct kreg *k, int entries)
{
	char key[32];
	int i, found = 0;

	for (i = 0; i < entries; i++) {
		snprintf(key, sizeof(key), "entry-%d", i);
		found += kreg_lookup(k, key, KREG_STRING, NULL, 0, NULL) >= 0;
	}
	return found;
}

static double now(void)
{
	struct timespec at;

	clock_gettime(CLOCK_MONOTONIC, &at);
	return (double)at.tv_sec + (double)at.tv_nsec * 1e-9;
}

/* The time from kill to the end of waitpid. */
static double die(struct kreg *k, int mode, int keep)
{
	struct task task = { mode, keep };
	int64_t others = kreg_count(k);
	struct child child = child_start(register_many, &task);
	double start;

	ck_assert_int_eq(link_hear(child.link), others + keep);
	ck_assert_int_eq(kreg_count(k), others + keep);
	start = now();
	child_kill(&child);
	start = now() - start;
	ck_assert_int_eq(kreg_count(k), others);
	ck_assert_int_eq(found_of(k, keep), 0);
	ck_assert_int_ge(kreg_sweep(k), 0);
	return start;
}

static int by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

START_TEST(a_hundred_thousand_entries_vanish_as_fast_as_one)
{
	struct kreg *k = mode_open(_i, "death");
	double ratios[ROUNDS];
	int i;

	for (i = 0; i < ROUNDS; i++) {
		double one = die(k, _i, 1);

		ratios[i] = die(k, _i, MANY) / one;
	}
	qsort(ratios, ROUNDS, sizeof(ratios[0]), by_size);
	printf("# %s: exit with %d entries / with one: %.2f (median of %d, %.2f to %.2f)\n",
	       _i == MODE_GUARD ? "guard" : "fallback", MANY, ratios[ROUNDS / 2], ROUNDS, ratios[0],
	       ratios[ROUNDS - 1]);
	fflush(stdout);
	kreg_close(k);
}
END_TEST

START_TEST(the_bytes_of_the_dead_are_all_reclaimed)
{
	struct kreg *k = mode_open(_i, "death");
	struct kreg_stat before, after;

	ck_assert_int_eq(kreg_register(k, "mine", KREG_STRING, "x", 1, NULL), 0);
	before = stat_of(k);
	die(k, _i, MANY);
	after = stat_of(k);
	ck_assert_uint_eq(after.bytes_used, before.bytes_used);
	ck_assert_uint_eq(after.bytes_dead, 0);
	ck_assert_uint_eq(after.bytes_waiting, 0);
	ck_assert_uint_eq(after.entries, 1);
	kreg_close(k);
}
END_TEST

static int end_by(int link, void *data)
{
	int *how = data;
	struct kreg *k = mode_open(how[0], "death");

	if (kreg_register(k, "name", KREG_STRING, "x", 1, NULL))
		return 9;
	link_say(link, 1);
	link_hear(link);
	signal(how[1], SIG_DFL);
	if (how[1])
		raise(how[1]);
	exit(0);
}

START_TEST(every_way_to_die_frees_the_name)
{
	const int signals[] = { 0, SIGTERM, SIGSEGV, SIGABRT, SIGKILL };
	struct kreg *k = mode_open(_i, "death");
	size_t i;

	for (i = 0; i < sizeof(signals) / sizeof(signals[0]); i++) {
		int how[2] = { _i, signals[i] };
		struct child child = child_start(end_by, how);
		int status;

		ck_assert_int_eq(link_hear(child.link), 1);
		ck_assert_int_eq(kreg_lookup(k, "name", KREG_STRING, NULL, 0, NULL), 1);
		link_say(child.link, 1);
		status = child_end(&child);
		ck_assert_msg(WIFEXITED(status) ? !WEXITSTATUS(status) : signals[i] != 0,
			      "status %x for signal %d", (unsigned int)status, signals[i]);
		ck_assert_int_eq(kreg_lookup(k, "name", KREG_STRING, NULL, 0, NULL), -ENOENT);
	}
	kreg_close(k);
}
END_TEST

int main(void)
{
	const TTest *const both[] = { a_hundred_thousand_entries_vanish_as_fast_as_one,
				      the_bytes_of_the_dead_are_all_reclaimed,
				      every_way_to_die_frees_the_name, NULL };

	return modes_run(suite_create("death"), tcase_create("both"), both, NULL, NULL);
}
