/* SPDX-License-Identifier: MIT */
/*
 * Meta belongs to the registry: it outlives its writer, and a killed writer leaves all of
 * the old value or all of the new one, or of the many that it puts at once.
 */
#include <check.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "tests/support/child.h"
#include "tests/support/guard.h"
#include "tests/support/unit.h"

#define WRITERS 4
#define KILLS 200
#define MANY 100u
/* Nearly as many as there is room for. */
#define MOST 16000u
/* One change for each key is as many changes as there are keys. */
#define CHANGES_MAX 1000

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

/* @count keys with the value @value, whose strings are in @keys. */
static void make_items(struct kreg_item *items, char (*keys)[16], size_t count, const char *value)
{
	size_t i;

	for (i = 0; i < count; i++) {
		snprintf(keys[i], sizeof(keys[i]), "many-%zu", i);
		items[i] = (struct kreg_item){ keys[i], KREG_STRING, value, KREG_STRING };
	}
}

static void expect(const char *key, const char *value)
{
	char got[32];

	if (!value) {
		ck_assert_int_eq(kreg_meta_get(k, key, KREG_STRING, NULL, 0), -ENOENT);
		return;
	}
	ck_assert_int_ge(kreg_meta_get_string(k, key, KREG_STRING, got, sizeof(got)), 0);
	ck_assert_str_eq(got, value);
}

START_TEST(many_keys_are_put_and_others_stay)
{
	const struct kreg_item items[] = {
		{ "a", 1, "first", 5 },   { "new", 3, NULL, 0 },
		{ "a", 1, "second", 6 },  { "b", 1, "b", 1 },
		{ "a", 1, "last", 4 },    { "ab", KREG_STRING, "ab", KREG_STRING },
		{ "b", 1, "b again", 7 },
	};

	open_mode(_i);
	clear();
	ck_assert_int_eq(kreg_meta_put(k, "a", 1, "old", 3), 0);
	ck_assert_int_eq(kreg_meta_put(k, "kept", 4, "kept", 4), 0);
	ck_assert_int_eq(kreg_meta_put_many(k, NULL, 0), 0);
	ck_assert_int_eq(count_items(), 2);
	ck_assert_int_eq(kreg_meta_put_many(k, items, 7), 0);
	expect("kept", "kept");
	expect("new", "");
	expect("a", "last");
	expect("b", "b again");
	expect("ab", "ab");
	ck_assert_int_eq(count_items(), 5);
	ck_assert_int_eq(kreg_meta_put_many(k, items, 4), 0);
	expect("a", "second");
	expect("b", "b");
	expect("ab", "ab");
	ck_assert_int_eq(count_items(), 5);
	ck_assert_int_eq(kreg_meta_delete(k, "kept", 4), 0);
	ck_assert_int_eq(kreg_meta_delete(k, "new", 3), 0);
	ck_assert_int_eq(kreg_meta_delete(k, "ab", 2), 0);
	kreg_close(k);
}
END_TEST

START_TEST(many_of_which_one_is_wrong_change_nothing)
{
	static char large[KREG_VALUE_MAX + 1], key[KREG_KEY_MAX + 1];
	struct kreg_item items[17] = { { "a", 1, "new", 3 }, { "b", 1, "new", 3 } };
	size_t i;

	open_mode(_i);
	clear();
	ck_assert_int_eq(kreg_meta_put(k, "a", 1, "old", 3), 0);
	items[1].key_size = 0;
	ck_assert_int_eq(kreg_meta_put_many(k, items, 2), -EINVAL);
	items[1] = (struct kreg_item){ key, sizeof(key), "new", 3 };
	ck_assert_int_eq(kreg_meta_put_many(k, items, 2), -ENAMETOOLONG);
	items[1] = (struct kreg_item){ "b", 1, large, sizeof(large) };
	ck_assert_int_eq(kreg_meta_put_many(k, items, 2), -EMSGSIZE);
	/* Their sum is too large, also beside the one that stays. */
	for (i = 1; i < 17; i++)
		items[i] = (struct kreg_item){ &large[i], i, large, KREG_VALUE_MAX };
	ck_assert_int_eq(kreg_meta_put_many(k, items, 17), -ENOSPC);
	ck_assert_int_eq(kreg_meta_put_many(k, items + 1, 16), -ENOSPC);
	items[16].value_size -= 16 * sizeof(uint64_t) + 17 * 8;
	ck_assert_int_eq(kreg_meta_put_many(k, items + 1, 16), -ENOSPC);
	expect("a", "old");
	ck_assert_int_eq(count_items(), 1);
	/* The same key may come often, since only the last one counts. */
	for (i = 1; i < 17; i++)
		items[i].key_size = 1;
	for (i = 1; i < 17; i++)
		items[i].key = "b";
	ck_assert_int_eq(kreg_meta_put_many(k, items, 17), 0);
	expect("a", "new");
	ck_assert_int_eq(count_items(), 2);
	kreg_close(k);
}
END_TEST

/* Puts many with the same value, again and again, and reports each time. */
static int put_many_on(int link, void *data)
{
	struct kreg *own = mode_open(mode, "meta");
	struct kreg_item items[MANY];
	char keys[MANY][16], value[32];
	int64_t number = 0;

	(void)data;
	make_items(items, keys, MANY, value);
	for (;;) {
		snprintf(value, sizeof(value), "%lld", (long long)++number);
		if (kreg_meta_put_many(own, items, MANY))
			return 1;
		link_say(link, number);
	}
}

struct seen {
	char value[32];
	size_t size;
	unsigned int count, others;
};

static int look_at_value(const struct kreg_entry *entry, void *data)
{
	struct seen *seen = data;

	if (!seen->count++) {
		ck_assert_uint_le(entry->value_size, sizeof(seen->value));
		memcpy(seen->value, entry->value, entry->value_size);
		seen->size = entry->value_size;
	}
	seen->others += entry->value_size != seen->size ||
			memcmp(entry->value, seen->value, seen->size) != 0;
	return 0;
}

/* Return: how many there are; all have the same value. */
static unsigned int see(void)
{
	struct seen seen = { .count = 0 };

	ck_assert_int_eq(kreg_meta_each(k, look_at_value, &seen), 0);
	ck_assert_uint_eq(seen.others, 0);
	return seen.count;
}

START_TEST(many_are_seen_at_once_also_of_a_writer_that_is_killed)
{
	unsigned int seed = unit_seed(), kills, rounds, i;
	char keys[MANY][16];
	struct kreg_item items[MANY];
	struct child writer;

	printf("# KREG_SEED=%u\n", seed);
	open_mode(_i);
	clear();
	make_items(items, keys, MANY, "");
	for (kills = 0; kills < KILLS; kills++) {
		writer = child_start(put_many_on, NULL);
		rounds = (unsigned int)rand_r(&seed) % 10;
		/* Before the first one of all there is nothing, then always all. */
		for (i = 0; i < rounds; i++) {
			ck_assert_int_gt(link_hear(writer.link), 0);
			ck_assert_uint_eq(see(), MANY);
		}
		child_kill(&writer);
		i = see();
		ck_assert(i == MANY || (!i && !kills && !rounds));
	}
	for (i = 0; i < MANY; i++)
		kreg_meta_delete(k, keys[i], KREG_STRING);
	ck_assert_int_eq(count_items(), 0);
	kreg_close(k);
}
END_TEST

static int64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

START_TEST(many_take_the_time_of_few_changes)
{
	struct kreg_item *items = calloc(MOST, sizeof(items[0]));
	char(*keys)[16] = calloc(MOST, sizeof(keys[0]));
	int64_t begin, many, one = INT64_MAX;
	int i;

	ck_assert(items && keys);
	k = mode_open(_i, _i ? "most" : "as-many");
	make_items(items, keys, MOST, "the value of this key");
	begin = now_ns();
	ck_assert_int_eq(kreg_meta_put_many(k, items, MOST), 0);
	many = now_ns() - begin;
	ck_assert_int_eq(count_items(), MOST);
	for (i = 0; i < 20; i++) {
		begin = now_ns();
		ck_assert_int_eq(kreg_meta_put(k, "a", 1, &i, sizeof(i)), 0);
		begin = now_ns() - begin;
		one = begin < one ? begin : one;
	}
	printf("# %u keys in the time of %lld changes\n", MOST, (long long)(many / one));
	ck_assert_int_lt(many, CHANGES_MAX * one);
	kreg_close(k);
	free(keys);
	free(items);
}
END_TEST

int main(void)
{
	const TTest *const both[] = {
		meta_is_put_read_and_deleted_and_outlives_its_writer,
		meta_that_is_too_large_is_refused_and_changes_nothing,
		killed_writers_lose_nothing_of_other_writers,
		many_keys_are_put_and_others_stay,
		many_of_which_one_is_wrong_change_nothing,
		many_are_seen_at_once_also_of_a_writer_that_is_killed,
		many_take_the_time_of_few_changes,
		NULL,
	};

	return modes_run(suite_create("meta"), tcase_create("both"), both, NULL, NULL);
}
