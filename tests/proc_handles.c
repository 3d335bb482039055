/* SPDX-License-Identifier: MIT */
/*
 * Two handles of one process in one registry: they are one owner in both modes, and each
 * close ends only what its handle made.
 */
#include <check.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/kreg.h"
#include "tests/support/child.h"
#include "tests/support/guard.h"
#include "tests/support/tmp.h"

#define KEYS 40
#define ROUNDS 30000

static int mode;

static bool is_there(struct kreg *k, const char *key)
{
	struct kreg_owner owner;

	return !kreg_whereis(k, key, KREG_STRING, &owner);
}

static void open_two(struct kreg **a, struct kreg **b)
{
	*a = mode_open(mode, "handles");
	*b = mode_open(mode, "handles");
}

START_TEST(two_handles_are_one_owner)
{
	struct kreg_owner self_a, self_b;
	struct kreg *a, *b;

	mode = _i;
	open_two(&a, &b);
	ck_assert_int_eq(kreg_self(a, &self_a), 0);
	ck_assert_int_eq(kreg_self(b, &self_b), 0);
	ck_assert_uint_eq(self_a.token, self_b.token);
	ck_assert_int_eq(kreg_register(a, "x", KREG_STRING, "1", 1, NULL), 0);
	ck_assert_int_eq(kreg_register(b, "x", KREG_STRING, "2", 1, NULL), -EEXIST);
	ck_assert_int_eq(kreg_update(b, "x", KREG_STRING, "22", 2, NULL, 0), 1);
	ck_assert_int_eq(kreg_count(a), 1);
	ck_assert_int_eq(kreg_unregister(b, "x", KREG_STRING), 1);
	ck_assert_int_eq(kreg_count(b), 0);
	kreg_close(a);
	kreg_close(b);
}
END_TEST

START_TEST(close_removes_what_its_handle_registered_and_leaves_the_rest)
{
	char large[3000] = { 0 };
	struct kreg *a, *b;

	mode = _i;
	open_two(&a, &b);
	ck_assert_int_eq(kreg_register(a, "a", KREG_STRING, "v", 1, NULL), 0);
	ck_assert_int_eq(kreg_register(a, "of a, updated by b", KREG_STRING, "v", 1, NULL), 0);
	ck_assert_int_eq(kreg_register(b, "b", KREG_STRING, large, sizeof(large), NULL), 0);
	ck_assert_int_eq(kreg_register(b, "of b, updated by a", KREG_STRING, "v", 1, NULL), 0);
	ck_assert_int_eq(kreg_register_with(b, "reserved", KREG_STRING, NULL, 0,
					    KREG_REGISTER_RESERVED, NULL),
			 0);
	ck_assert_int_eq(kreg_register_with(b, "published by a", KREG_STRING, NULL, 0,
					    KREG_REGISTER_RESERVED, NULL),
			 0);
	ck_assert_int_eq(kreg_publish(a, "published by a", KREG_STRING, "v", 1), 0);
	ck_assert_int_ge(kreg_update(b, "of a, updated by b", KREG_STRING, large, 2000, NULL, 0),
			 0);
	ck_assert_int_ge(kreg_update(a, "of b, updated by a", KREG_STRING, large, 2000, NULL, 0),
			 0);
	ck_assert_int_eq(kreg_count(a), 5);
	kreg_close(b);
	ck_assert(is_there(a, "a"));
	ck_assert(is_there(a, "of a, updated by b"));
	ck_assert(!is_there(a, "b"));
	ck_assert(!is_there(a, "of b, updated by a"));
	ck_assert(!is_there(a, "published by a"));
	ck_assert_int_eq(kreg_register(a, "reserved", KREG_STRING, NULL, 0, NULL), 0);
	ck_assert_int_eq(kreg_count(a), 3);
	kreg_close(a);
	a = mode_open(mode, "handles");
	ck_assert_int_eq(kreg_count(a), 0);
	kreg_close(a);
}
END_TEST

START_TEST(a_lock_is_released_through_either_handle_and_by_the_close_of_its_own)
{
	struct kreg_lock lock, other;
	struct kreg *a, *b;

	mode = _i;
	open_two(&a, &b);
	ck_assert_int_eq(kreg_lock(b, "lock", KREG_STRING, -1, &lock), 0);
	ck_assert_int_eq(kreg_lock(a, "lock", KREG_STRING, 0, &other), -ETIMEDOUT);
	ck_assert_int_eq(kreg_unlock(a, &lock), 0);
	ck_assert_int_eq(kreg_lock(b, "lock", KREG_STRING, 0, &lock), 0);
	ck_assert_int_eq(kreg_lock(b, "second", KREG_STRING, 0, &other), 0);
	kreg_close(b);
	ck_assert_int_eq(kreg_lock(a, "lock", KREG_STRING, 0, &lock), 0);
	ck_assert_int_eq(kreg_lock(a, "second", KREG_STRING, 0, &other), 0);
	kreg_close(a);
}
END_TEST

static int hold_until_asked(int link, void *data)
{
	struct kreg *k = mode_open(mode, "handles");
	int64_t order;

	(void)data;
	link_say(link, kreg_register(k, "other's", KREG_STRING, NULL, 0, NULL));
	while ((order = link_hear(link)) >= 0)
		link_say(link, order ? kreg_unregister(k, "other's", KREG_STRING) : kreg_count(k));
	return 0;
}

START_TEST(a_place_in_line_belongs_to_the_handle_and_the_turn_to_the_process)
{
	struct kreg *a, *b;
	struct kreg_owner owner, self;
	struct child child;

	mode = _i;
	child = child_start(hold_until_asked, NULL);
	ck_assert_int_eq(link_hear(child.link), 0);
	open_two(&a, &b);
	ck_assert_int_eq(
		kreg_register_with(b, "other's", KREG_STRING, NULL, 0, KREG_REGISTER_QUEUE, NULL),
		KREG_WAITING);
	kreg_close(b);
	ck_assert_int_eq(child_ask(&child, 1), 1);
	ck_assert(!is_there(a, "other's"));
	ck_assert_int_eq(kreg_register(a, "x", KREG_STRING, NULL, 0, NULL), 0);
	ck_assert_int_eq(kreg_self(a, &self), 0);
	ck_assert_int_eq(kreg_whereis(a, "x", KREG_STRING, &owner), 0);
	ck_assert_uint_eq(owner.token, self.token);
	child_kill(&child);
	kreg_close(a);
}
END_TEST

START_TEST(a_gift_belongs_to_the_process_and_ends_with_its_last_handle)
{
	struct kreg *a, *b, *c;
	struct kreg_owner self;

	mode = _i;
	open_two(&a, &b);
	ck_assert_int_eq(kreg_self(a, &self), 0);
	ck_assert_int_eq(kreg_register(b, "given", KREG_STRING, "v", 1, NULL), 0);
	ck_assert_int_eq(kreg_register(b, "given and updated", KREG_STRING, "v", 1, NULL), 0);
	ck_assert_int_eq(kreg_give(b, "given", KREG_STRING, &self), 0);
	ck_assert_int_eq(kreg_give(b, "given and updated", KREG_STRING, &self), 0);
	c = mode_open(mode, "handles");
	ck_assert_int_ge(kreg_update(c, "given and updated", KREG_STRING, "w", 1, NULL, 0), 0);
	kreg_close(b);
	kreg_close(c);
	ck_assert(is_there(a, "given"));
	ck_assert(is_there(a, "given and updated"));
	ck_assert_int_eq(kreg_count(a), 2);
	kreg_close(a);
	a = mode_open(mode, "handles");
	ck_assert_int_eq(kreg_count(a), 0);
	ck_assert(!is_there(a, "given"));
	kreg_close(a);
}
END_TEST

START_TEST(a_child_of_fork_starts_without_its_parents_handles)
{
	struct kreg_owner mine, theirs;
	struct kreg *a, *b, *c;
	int link[2];
	pid_t pid;

	mode = _i;
	open_two(&a, &b);
	ck_assert_int_eq(kreg_register(a, "parent's", KREG_STRING, NULL, 0, NULL), 0);
	ck_assert_int_eq(kreg_self(a, &mine), 0);
	ck_assert_int_eq(pipe(link), 0);
	pid = fork();
	if (!pid) {
		uint64_t token = 0;

		c = mode_open(mode, "handles");
		if (!kreg_self(c, &theirs) &&
		    !kreg_register(c, "child's", KREG_STRING, NULL, 0, NULL))
			token = theirs.token;
		kreg_close(b);
		kreg_close(a);
		if (!is_there(c, "child's") || !is_there(c, "parent's"))
			token = 0;
		if (write(link[1], &token, sizeof(token)) < 0)
			_exit(1);
		kreg_close(c);
		_exit(0);
	}
	ck_assert_int_eq(read(link[0], &theirs.token, sizeof(theirs.token)), sizeof(theirs.token));
	ck_assert_uint_ne(theirs.token, 0);
	ck_assert_uint_ne(theirs.token, mine.token);
	kreg_close(b);
	ck_assert(is_there(a, "parent's"));
	kreg_close(a);
}
END_TEST

/* After a destroy, a registry created under the same name is another one. */
START_TEST(a_registry_created_again_is_not_the_previous_one)
{
	KREG_OPTIONS(options, .flags = 0);
	struct kreg *a, *b;

	mode = _i;
	a = mode_open(mode, "anew");
	ck_assert_int_eq(kreg_register(a, "x", KREG_STRING, NULL, 0, NULL), 0);
	options.guard = mode_guard(mode);
	options.directory = tmp_directory();
	ck_assert_int_eq(kreg_destroy("anew", &options, KREG_DESTROY_FORCE), 0);
	b = mode_open(mode, "anew");
	ck_assert_int_eq(kreg_register(b, "x", KREG_STRING, NULL, 0, NULL), 0);
	ck_assert_int_eq(kreg_register(a, "y", KREG_STRING, NULL, 0, NULL), -ESHUTDOWN);
	ck_assert_int_eq(kreg_count(b), 1);
	kreg_close(a);
	ck_assert(is_there(b, "x"));
	kreg_close(b);
}
END_TEST

/*
 * Writes the same few names as the other threads, through a handle of its own that it
 * opens and closes.
 */
static void *write_names(void *data)
{
	unsigned int seed = *(unsigned int *)data;
	struct kreg *k = mode_open(mode, "handles");
	char key[16], value[600] = { 0 };
	int round;

	for (round = 0; round < ROUNDS; round++) {
		size_t size = (size_t)rand_r(&seed) % sizeof(value);

		snprintf(key, sizeof(key), "%d", rand_r(&seed) % KEYS);
		switch (rand_r(&seed) % 4) {
		case 0:
			kreg_register(k, key, KREG_STRING, value, size, NULL);
			break;
		case 1:
			kreg_unregister(k, key, KREG_STRING);
			break;
		case 2:
			kreg_update(k, key, KREG_STRING, value, size, NULL, 0);
			break;
		default:
			if (round % 50)
				break;
			kreg_close(k);
			k = mode_open(mode, "handles");
		}
	}
	kreg_close(k);
	return NULL;
}

static int count_entry(const struct kreg_entry *entry, void *data)
{
	(void)entry;
	++*(int64_t *)data;
	return 0;
}

START_TEST(threads_with_a_handle_each_leave_nothing_behind)
{
	struct kreg_stat before = { .size = sizeof(before) }, after = { .size = sizeof(after) };
	unsigned int seeds[4] = { 1, 2, 3, 4 };
	pthread_t threads[4];
	int64_t walked = 0;
	struct kreg *k;
	int i;

	mode = _i;
	k = mode_open(mode, "handles");
	ck_assert_int_eq(kreg_register(k, "mine", KREG_STRING, NULL, 0, NULL), 0);
	ck_assert_int_eq(kreg_stat(k, &before), 0);
	for (i = 0; i < 4; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, write_names, &seeds[i]), 0);
	for (i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	ck_assert_int_eq(kreg_each(k, "", 0, count_entry, &walked), 0);
	ck_assert_int_eq(walked, 1);
	ck_assert_int_eq(kreg_count(k), 1);
	ck_assert_int_ge(kreg_sweep(k), 0);
	ck_assert_int_ge(kreg_sweep(k), 0);
	ck_assert_int_eq(kreg_stat(k, &after), 0);
	ck_assert_uint_eq(after.bytes_used, before.bytes_used);
	kreg_close(k);
}
END_TEST

int main(void)
{
	const TTest *const both[] = {
		two_handles_are_one_owner,
		close_removes_what_its_handle_registered_and_leaves_the_rest,
		a_lock_is_released_through_either_handle_and_by_the_close_of_its_own,
		a_place_in_line_belongs_to_the_handle_and_the_turn_to_the_process,
		a_gift_belongs_to_the_process_and_ends_with_its_last_handle,
		a_child_of_fork_starts_without_its_parents_handles,
		a_registry_created_again_is_not_the_previous_one,
		threads_with_a_handle_each_leave_nothing_behind,
		NULL,
	};

	return modes_run(suite_create("handles"), tcase_create("both"), both, NULL, NULL);
}
