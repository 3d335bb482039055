/* SPDX-License-Identifier: MIT */
/*
 * Counters: what is added with a bound, set, or added to several at once; by the threads of one process, and seen by
 * others. KREG_KILLS: how many processes are killed while they count.
 */
#include <check.h>
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/child.h"
#include "tests/support/guard.h"

#define THREADS 4
#define ADDITIONS 20000
#define GIFTS 30

static struct kreg *k;
static int mode;

static struct kreg *open_counters(uint32_t keys)
{
	KREG_OPTIONS(options, .keys = keys);

	return mode_open_as(mode, keys == KREG_KEYS_UNIQUE ? "counters" : "many-counters",
			    &options);
}

static void make(const char *key, int64_t value)
{
	ck_assert_int_eq(kreg_register(k, key, KREG_STRING, &value, sizeof(value), NULL), 0);
}

static int64_t now_is(const char *key)
{
	int64_t value;

	ck_assert_int_eq(kreg_lookup(k, key, KREG_STRING, &value, sizeof(value), NULL), 8);
	return value;
}

#define assert_added(key, delta, threshold, to, is)                                                \
	do {                                                                                       \
		int64_t now__;                                                                     \
		ck_assert_int_eq(kreg_counter_add_bounded(k, key, KREG_STRING, delta, threshold,   \
							  to, &now__),                             \
				 0);                                                               \
		ck_assert_int_eq(now__, is);                                                       \
		ck_assert_int_eq(now_is(key), is);                                                 \
	} while (0)

START_TEST(a_sum_that_passes_the_threshold_sets_the_counter)
{
	mode = _i;
	k = open_counters(KREG_KEYS_UNIQUE);
	make("n", 8);
	assert_added("n", 1, 9, 0, 9);
	assert_added("n", 1, 9, 0, 0);
	assert_added("n", 100, 9, 5, 5);
	assert_added("n", 0, 4, 3, 3);
	/* Downwards it is passed below. */
	assert_added("n", -3, 0, 7, 0);
	assert_added("n", -1, 0, 7, 7);
	assert_added("n", -1, 100, 50, 50);
	/* It stays at its bound. */
	assert_added("n", 80, 100, 100, 100);
	assert_added("n", -300, 0, 0, 0);
	/* What an int64_t cannot hold is past each threshold. */
	assert_added("n", INT64_MAX, INT64_MAX, 0, INT64_MAX);
	assert_added("n", 1, INT64_MAX, -4, -4);
	assert_added("n", INT64_MIN, INT64_MIN, -4, -4);
	assert_added("n", INT64_MIN + 4, INT64_MIN, 1, INT64_MIN);
	assert_added("n", -1, INT64_MIN, 1, 1);
	kreg_close(k);
}
END_TEST

/* Counts to 9 and again from 0. Returns how often it has seen the 0. */
static void *count_round(void *data)
{
	int64_t now, zeros = 0;
	int i;

	for (i = 0; i < ADDITIONS; i++) {
		if (kreg_counter_add_bounded(k, "n", KREG_STRING, 1, 9, 0, &now) || now < 0 ||
		    now > 9)
			return NULL;
		zeros += !now;
	}
	*(int64_t *)data = zeros;
	return data;
}

START_TEST(threads_that_count_past_the_threshold_count_each_addition_once)
{
	int64_t zeros[THREADS], all = 0;
	pthread_t threads[THREADS];
	void *ended;
	int i;

	mode = _i;
	k = open_counters(KREG_KEYS_UNIQUE);
	make("n", 0);
	for (i = 0; i < THREADS; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, count_round, &zeros[i]), 0);
	for (i = 0; i < THREADS; i++) {
		ck_assert_int_eq(pthread_join(threads[i], &ended), 0);
		ck_assert_ptr_eq(ended, &zeros[i]);
		all += zeros[i];
	}
	ck_assert_int_eq(all, THREADS * ADDITIONS / 10);
	ck_assert_int_eq(now_is("n"), 0);
	kreg_close(k);
}
END_TEST

static void *count_up(void *data)
{
	int i, err = 0;

	for (i = 0; i < ADDITIONS && !err; i++)
		err = kreg_counter_add(k, "n", KREG_STRING, 1, NULL);
	return err ? NULL : data;
}

START_TEST(no_addition_is_lost_between_reading_a_counter_and_setting_it)
{
	int64_t before, all = 0;
	pthread_t threads[THREADS];
	void *ended;
	int i;

	mode = _i;
	k = open_counters(KREG_KEYS_UNIQUE);
	make("n", 0);
	for (i = 0; i < THREADS; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, count_up, &mode), 0);
	while (all < THREADS * ADDITIONS / 2) {
		ck_assert_int_eq(kreg_counter_reset(k, "n", KREG_STRING, 0, &before), 0);
		ck_assert_int_ge(before, 0);
		all += before;
	}
	for (i = 0; i < THREADS; i++) {
		ck_assert_int_eq(pthread_join(threads[i], &ended), 0);
		ck_assert_ptr_nonnull(ended);
	}
	ck_assert_int_eq(kreg_counter_reset(k, "n", KREG_STRING, -3, &before), 0);
	ck_assert_int_eq(all + before, THREADS * ADDITIONS);
	ck_assert_int_eq(kreg_counter_reset(k, "n", KREG_STRING, 1, NULL), 0);
	ck_assert_int_eq(now_is("n"), 1);
	kreg_close(k);
}
END_TEST

/* Has a counter "n" of 100, and "theirs". */
static int hold_counters(int link, void *data)
{
	struct kreg *own = open_counters(*(const uint32_t *)data);
	int64_t value = 100;
	int err = kreg_register(own, "n", KREG_STRING, &value, sizeof(value), NULL);

	if (!err)
		err = kreg_register(own, "theirs", KREG_STRING, &value, sizeof(value), NULL);
	link_say(link, err);
	link_hear(link);
	return 0;
}

/* Until the name is another process's. */
static void *count_while_own(void *data)
{
	int64_t *added = data;
	int err;

	while (!(err = kreg_counter_add(k, "n", KREG_STRING, 1, NULL)))
		__atomic_fetch_add(added, 1, __ATOMIC_RELAXED);
	return err == -EPERM || err == -ENOENT ? NULL : added;
}

static void await_additions(const int64_t *added, int64_t more)
{
	int64_t before = __atomic_load_n(added, __ATOMIC_RELAXED);

	while (__atomic_load_n(added, __ATOMIC_RELAXED) - before < more)
		sched_yield();
}

static int receive(int link, void *data)
{
	struct kreg *own = open_counters(KREG_KEYS_UNIQUE);
	struct kreg_owner self;

	(void)data;
	link_say(link, kreg_self(own, &self) ? 0 : (int64_t)self.token);
	while (link_hear(link) != INT64_MIN)
		link_say(link, kreg_unregister(own, "n", KREG_STRING));
	return 0;
}

/* The entry that is another process's, or has other flags, has what was added until then. */
START_TEST(no_addition_is_lost_where_a_counter_is_given_or_gets_other_flags)
{
	static const uint32_t flags[] = { KREG_REGISTER_REPLACEABLE | KREG_REGISTER_DROP,
					  KREG_REGISTER_REPLACEABLE, 0 };
	struct child receiver;
	struct kreg_owner to;
	pthread_t threads[THREADS];
	int64_t added;
	void *wrong;
	int round, i;

	mode = _i;
	k = open_counters(KREG_KEYS_UNIQUE);
	receiver = child_start(receive, NULL);
	to = (struct kreg_owner){ .token = (uint64_t)link_hear(receiver.link),
				  .pid = receiver.pid };
	ck_assert(to.token);
	for (round = 0; round < GIFTS; round++) {
		added = 0;
		make("n", 0);
		for (i = 0; i < THREADS; i++)
			ck_assert_int_eq(pthread_create(&threads[i], NULL, count_while_own, &added),
					 0);
		/* Each of them ends, however often the others add. */
		for (i = 0; i < 3; i++) {
			await_additions(&added, 10);
			ck_assert_int_eq(kreg_set_flags(k, "n", KREG_STRING, flags[i]), 0);
		}
		await_additions(&added, 10);
		ck_assert_int_eq(kreg_give(k, "n", KREG_STRING, &to), 0);
		for (i = 0; i < THREADS; i++) {
			ck_assert_int_eq(pthread_join(threads[i], &wrong), 0);
			ck_assert_ptr_null(wrong);
		}
		ck_assert_int_eq(now_is("n"), added);
		ck_assert_int_eq(child_ask(&receiver, 0), 1);
	}
	ck_assert_int_eq(child_end(&receiver), 0);
	kreg_close(k);
}
END_TEST

static ssize_t add_meanwhile(void *value, size_t capacity, const void *old, size_t old_size,
			     void *data)
{
	(void)capacity;
	(void)data;
	memcpy(value, old, old_size);
	ck_assert_int_eq(kreg_counter_add(k, "n", KREG_STRING, 1, NULL), 0);
	return (ssize_t)old_size;
}

START_TEST(an_update_that_additions_overtake_each_time_is_no_damage)
{
	mode = _i;
	k = open_counters(KREG_KEYS_UNIQUE);
	make("n", 0);
	ck_assert_int_eq(kreg_update_with(k, "n", KREG_STRING, add_meanwhile, NULL), -EAGAIN);
	ck_assert_int_gt(now_is("n"), 0);
	kreg_close(k);
}
END_TEST

START_TEST(with_duplicate_keys_the_counter_registered_last_is_set)
{
	uint32_t keys = KREG_KEYS_DUPLICATE;
	struct child other;
	int64_t number;

	mode = _i;
	k = open_counters(keys);
	make("n", 1);
	make("n", 20);
	other = child_start_ready(hold_counters, &keys);
	ck_assert_int_eq(kreg_counter_sum(k, "n", KREG_STRING, &number), 0);
	ck_assert_int_eq(number, 121);
	ck_assert_int_eq(kreg_counter_reset(k, "n", KREG_STRING, 0, &number), 0);
	ck_assert_int_eq(number, 20);
	ck_assert_int_eq(kreg_counter_add_bounded(k, "n", KREG_STRING, 9, 5, 3, &number), 0);
	ck_assert_int_eq(number, 3);
	ck_assert_int_eq(kreg_counter_sum(k, "n", KREG_STRING, &number), 0);
	ck_assert_int_eq(number, 104);
	child_kill(&other);
	ck_assert_int_eq(kreg_counter_sum(k, "n", KREG_STRING, &number), 0);
	ck_assert_int_eq(number, 4);
	ck_assert_int_eq(kreg_counter_reset(k, "theirs", KREG_STRING, 0, &number), -ENOENT);
	ck_assert_int_eq(number, 4);
	kreg_close(k);
}
END_TEST

START_TEST(an_addition_to_many_says_of_each_what_has_become_of_it)
{
	struct kreg_counter_item items[] = {
		{ "a", KREG_STRING, 1, 77, 77 },      { "theirs", KREG_STRING, 1, 77, 77 },
		{ "text", KREG_STRING, 1, 77, 77 },   { "b\0c", 3, -5, 77, 77 },
		{ "absent", KREG_STRING, 1, 77, 77 }, { "", KREG_STRING, 1, 77, 77 },
		{ "a", KREG_STRING, 10, 77, 77 },
	};
	static const int errors[] = { 0, -EPERM, -EINVAL, 0, -ENOENT, -EINVAL, 0 };
	static const int64_t numbers[] = { 2, 77, 77, -5, 77, 77, 12 };
	uint32_t keys = KREG_KEYS_UNIQUE;
	struct child other;
	int64_t value = 0;
	size_t i;

	mode = _i;
	k = open_counters(keys);
	other = child_start_ready(hold_counters, &keys);
	make("a", 1);
	ck_assert_int_eq(kreg_register(k, "b\0c", 3, &value, sizeof(value), NULL), 0);
	ck_assert_int_eq(kreg_register(k, "text", KREG_STRING, "text", 4, NULL), 0);
	ck_assert_int_eq(kreg_counter_add_many(k, items, 7), 3);
	for (i = 0; i < 7; i++) {
		ck_assert_int_eq(items[i].error, errors[i]);
		ck_assert_int_eq(items[i].now, numbers[i]);
	}
	ck_assert_int_eq(now_is("a"), 12);
	ck_assert_int_eq(now_is("theirs"), 100);
	ck_assert_int_eq(kreg_counter_add_many(k, NULL, 0), 0);
	ck_assert_int_eq(kreg_counter_add_many(k, NULL, 1), -EINVAL);
	ck_assert_int_eq(kreg_counter_add_many(NULL, items, 1), -EINVAL);
	child_kill(&other);
	kreg_close(k);
}
END_TEST

START_TEST(who_has_no_counter_learns_why)
{
	uint32_t keys = KREG_KEYS_UNIQUE;
	struct child other;
	int64_t number = 77;

	mode = _i;
	k = open_counters(keys);
	other = child_start_ready(hold_counters, &keys);
	ck_assert_int_eq(kreg_counter_reset(k, "n", KREG_STRING, 0, &number), -EPERM);
	ck_assert_int_eq(kreg_counter_add_bounded(k, "n", KREG_STRING, 1, 0, 0, &number), -EPERM);
	ck_assert_int_eq(now_is("n"), 100);
	child_kill(&other);
	ck_assert_int_eq(kreg_counter_reset(k, "n", KREG_STRING, 0, &number), -ENOENT);
	ck_assert_int_eq(kreg_counter_add_bounded(k, "n", KREG_STRING, 1, 0, 0, &number), -ENOENT);
	ck_assert_int_eq(kreg_register(k, "n", KREG_STRING, "1", 1, NULL), 0);
	ck_assert_int_eq(kreg_counter_reset(k, "n", KREG_STRING, 0, &number), -EINVAL);
	ck_assert_int_eq(kreg_counter_reset(NULL, "n", KREG_STRING, 0, &number), -EINVAL);
	ck_assert_int_eq(kreg_counter_reset(k, NULL, 1, 0, &number), -EINVAL);
	ck_assert_int_eq(kreg_counter_add_bounded(NULL, "n", KREG_STRING, 1, 0, 0, NULL), -EINVAL);
	ck_assert_int_eq(number, 77);
	kreg_close(k);
}
END_TEST

/* Two threads count from 0 to 9 until the process is killed. */
static int count_until_killed(int link, void *data)
{
	int64_t zeros = 0;
	pthread_t thread;

	(void)data;
	k = open_counters(KREG_KEYS_UNIQUE);
	link_say(link, kreg_register(k, "n", KREG_STRING, &zeros, sizeof(zeros), NULL));
	for (;;) {
		if (pthread_create(&thread, NULL, count_round, &zeros) || !count_round(&zeros) ||
		    pthread_join(thread, NULL))
			return 1;
	}
}

START_TEST(a_reader_sees_no_number_past_the_threshold_and_none_after_the_death)
{
	int kills = getenv("KREG_KILLS") ? atoi(getenv("KREG_KILLS")) : 20;
	int64_t value, seen;
	struct child child;
	int kill, looks;

	mode = _i;
	k = open_counters(KREG_KEYS_UNIQUE);
	for (kill = 0; kill < kills; kill++) {
		child = child_start_ready(count_until_killed, NULL);
		for (seen = 0, looks = rand() % 20000; looks >= 0 || !seen; looks--) {
			ck_assert_int_eq(kreg_lookup(k, "n", KREG_STRING, &value, 8, NULL), 8);
			ck_assert_int_ge(value, 0);
			ck_assert_int_le(value, 9);
			seen |= value;
		}
		child_kill(&child);
		ck_assert_int_eq(kreg_lookup(k, "n", KREG_STRING, &value, 8, NULL), -ENOENT);
	}
	kreg_close(k);
}
END_TEST

int main(void)
{
	const TTest *const both[] = {
		a_sum_that_passes_the_threshold_sets_the_counter,
		threads_that_count_past_the_threshold_count_each_addition_once,
		no_addition_is_lost_between_reading_a_counter_and_setting_it,
		no_addition_is_lost_where_a_counter_is_given_or_gets_other_flags,
		an_update_that_additions_overtake_each_time_is_no_damage,
		with_duplicate_keys_the_counter_registered_last_is_set,
		an_addition_to_many_says_of_each_what_has_become_of_it,
		who_has_no_counter_learns_why,
		a_reader_sees_no_number_past_the_threshold_and_none_after_the_death,
		NULL,
	};

	return modes_run(suite_create("counter"), tcase_create("both"), both, NULL, NULL);
}
