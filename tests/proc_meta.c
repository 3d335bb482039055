/* SPDX-License-Identifier: MIT */
/*
 * Meta belongs to the registry: it outlives its writer, and a killed writer leaves all of
 * the old value or all of the new one.
 */
#include <check.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/support/child.h"
#include "tests/support/guard.h"
#include "tests/support/unit.h"

#define WRITERS 4
#define KILLS 200

static struct kreg *k;
static int mode;

static void open_mode(int in)
{
	mode = in;
	k = mode_open(in, "meta");
}

static uint64_t bytes_used(void)
{
	struct kreg_stat stat = { .size = sizeof(stat) };

	ck_assert_int_ge(kreg_sweep(k), 0);
	ck_assert_int_ge(kreg_sweep(k), 0);
	ck_assert_int_eq(kreg_stat(k, &stat), 0);
	return stat.bytes_used;
}

static int count_item(const struct kreg_entry *entry, void *data)
{
	ck_assert_int_eq(entry->owner.pid, 0);
	(*(int *)data)++;
	return 0;
}

static int count_items(void)
{
	int count = 0;

	ck_assert_int_eq(kreg_meta_each(k, count_item, &count), 0);
	return count;
}

static void clear(void)
{
	kreg_meta_delete(k, "a", 1);
	kreg_meta_delete(k, "b", 1);
	kreg_meta_delete(k, "large", 5);
}

static int put_and_end(int link, void *data)
{
	struct kreg *own = mode_open(mode, "meta");

	(void)data;
	link_say(link, kreg_meta_put(own, "b", 1, "of a child", 10));
	link_hear(link);
	return 0;
}

START_TEST(meta_is_put_read_and_deleted_and_outlives_its_writer)
{
	char value[32];
	struct child child;

	open_mode(_i);
	clear();
	ck_assert_int_eq(kreg_meta_get(k, "a", 1, value, sizeof(value)), -ENOENT);
	ck_assert_int_eq(kreg_meta_delete(k, "a", 1), -ENOENT);
	ck_assert_int_eq(count_items(), 0);
	ck_assert_int_eq(kreg_meta_put(k, "a", 1, "one", 3), 0);
	ck_assert_int_eq(kreg_meta_put(k, "a", 1, "", 0), 0);
	ck_assert_int_eq(kreg_meta_get(k, "a", 1, value, sizeof(value)), 0);
	ck_assert_int_eq(kreg_meta_put(k, "a", 1, "three", 5), 0);
	ck_assert_int_eq(kreg_meta_get(k, "a", 1, value, 2), -ERANGE);
	ck_assert_int_eq(kreg_meta_get(k, "a", 1, value, sizeof(value)), 5);
	ck_assert_mem_eq(value, "three", 5);
	child = child_start(put_and_end, NULL);
	ck_assert_int_eq(link_hear(child.link), 0);
	child_kill(&child);
	ck_assert_int_ge(kreg_sweep(k), 0);
	ck_assert_int_eq(kreg_meta_get(k, "b", 1, value, sizeof(value)), 10);
	ck_assert_mem_eq(value, "of a child", 10);
	ck_assert_int_eq(count_items(), 2);
	ck_assert_int_eq(kreg_count(k), 0);
	/* A meta key is not a key of registrations. */
	ck_assert_int_eq(kreg_lookup(k, "a", 1, NULL, 0, NULL), -ENOENT);
	ck_assert_int_eq(kreg_meta_delete(k, "a", 1), 0);
	ck_assert_int_eq(count_items(), 1);
	kreg_close(k);
}
END_TEST

START_TEST(meta_that_is_too_large_is_refused_and_changes_nothing)
{
	char *large = calloc(1, KREG_VALUE_MAX + 1), key[32];
	int i, err = 0;

	open_mode(_i);
	clear();
	ck_assert_int_eq(kreg_meta_put(k, "large", 5, large, KREG_VALUE_MAX + 1), -EMSGSIZE);
	ck_assert_int_eq(kreg_meta_put(k, "", 0, NULL, 0), -EINVAL);
	for (i = 0; !err; i++) {
		snprintf(key, sizeof(key), "large-%d", i);
		err = kreg_meta_put(k, key, KREG_STRING, large, KREG_VALUE_MAX);
	}
	ck_assert_int_eq(err, -ENOSPC);
	ck_assert_int_eq(count_items(), i - 1);
	ck_assert_int_eq(i, 16);
	while (i--) {
		snprintf(key, sizeof(key), "large-%d", i);
		ck_assert_int_eq(kreg_meta_delete(k, key, KREG_STRING), i < 15 ? 0 : -ENOENT);
	}
	free(large);
	kreg_close(k);
}
END_TEST

struct writing {
	int number;
	uint64_t from;
};

/* Counts up under a key of its own, and reports each number after it was put. */
static int put_on(int link, void *data)
{
	struct writing *writing = data;
	struct kreg *own = mode_open(mode, "meta");
	uint64_t number = writing->from;
	char key[16];

	snprintf(key, sizeof(key), "writer-%d", writing->number);
	while (!kreg_meta_put(own, key, KREG_STRING, &number, sizeof(number)))
		link_say(link, (int64_t)number++);
	return 1;
}

START_TEST(killed_writers_lose_nothing_of_other_writers)
{
	struct writing writing[WRITERS];
	struct child writers[WRITERS];
	unsigned int seed = unit_seed();
	uint64_t before, value;
	char key[16];
	int i, kills;

	printf("# KREG_SEED=%u\n", seed);
	open_mode(_i);
	clear();
	before = bytes_used();
	for (i = 0; i < WRITERS; i++) {
		writing[i] = (struct writing){ .number = i };
		writers[i] = child_start(put_on, &writing[i]);
	}
	for (kills = 0; kills < KILLS; kills++) {
		int64_t said, last = -1;
		int rounds = rand_r(&seed) % 20;

		i = rand_r(&seed) % WRITERS;
		while (rounds--)
			last = link_hear(writers[i].link);
		kill(writers[i].pid, SIGKILL);
		while ((said = link_hear(writers[i].link)) != INT64_MIN)
			last = said;
		child_end(&writers[i]);
		snprintf(key, sizeof(key), "writer-%d", i);
		/* The last reported number is there; one more may be. */
		if (last >= 0) {
			ck_assert_int_eq(kreg_meta_get(k, key, KREG_STRING, &value, sizeof(value)),
					 8);
			ck_assert_uint_ge(value, (uint64_t)last);
			ck_assert_uint_le(value, (uint64_t)last + 1);
			writing[i].from = value + 1;
		}
		writers[i] = child_start(put_on, &writing[i]);
	}
	for (i = 0; i < WRITERS; i++) {
		child_kill(&writers[i]);
		snprintf(key, sizeof(key), "writer-%d", i);
		kreg_meta_delete(k, key, KREG_STRING);
	}
	ck_assert_int_eq(count_items(), 0);
	ck_assert_uint_eq(bytes_used(), before);
	kreg_close(k);
}
END_TEST

int main(void)
{
	const TTest *const both[] = {
		meta_is_put_read_and_deleted_and_outlives_its_writer,
		meta_that_is_too_large_is_refused_and_changes_nothing,
		killed_writers_lose_nothing_of_other_writers,
		NULL,
	};

	return modes_run(suite_create("meta"), tcase_create("both"), both, NULL, NULL);
}
