/* SPDX-License-Identifier: MIT */
/*
 * The API of kreg.h within one process, in the fallback: what each call returns, and that
 * a refused call changes nothing.
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
#include "tests/support/tmp.h"
#include "tests/support/unit.h"

static struct kreg *k;

static int open_as(struct kreg **out, const char *name, struct kreg_options options)
{
	options.size = sizeof(options);
	options.directory = tmp_directory();
	options.guard = "none";
	return kreg_open(out, name, &options);
}

static void set_up(void)
{
	ck_assert_int_eq(open_as(&k, "unit", (struct kreg_options){ 0 }), 0);
}

static void tear_down(void)
{
	KREG_OPTIONS(options, .directory = tmp_directory());

	kreg_close(k);
	ck_assert_int_eq(kreg_destroy("unit", &options, 0), 0);
}

static struct kreg_stat stat_now(void)
{
	struct kreg_stat stat = { .size = sizeof(stat) };

	ck_assert_int_eq(kreg_stat(k, &stat), 0);
	return stat;
}

START_TEST(a_registered_value_is_looked_up_and_unregistered)
{
	struct kreg_owner owner, self;
	char value[8];

	ck_assert_int_eq(kreg_register(k, "key", KREG_STRING, "value", 5, NULL), 0);
	ck_assert_int_eq(kreg_lookup(k, "key", 3, value, sizeof(value), &owner), 5);
	ck_assert_mem_eq(value, "value", 5);
	ck_assert_int_eq(owner.pid, getpid());
	ck_assert_int_eq(kreg_self(k, &self), 0);
	ck_assert_uint_eq(owner.token, self.token);
	ck_assert_int_eq(kreg_owner_is_alive(k, &owner), 1);
	ck_assert_int_eq(kreg_count(k), 1);
	ck_assert_int_eq(kreg_unregister(k, "key", KREG_STRING), 1);
	ck_assert_int_eq(kreg_unregister(k, "key", KREG_STRING), 0);
	ck_assert_int_eq(kreg_lookup(k, "key", 3, value, sizeof(value), &owner), -ENOENT);
	ck_assert_int_eq(kreg_count(k), 0);
}
END_TEST

START_TEST(a_key_is_also_refused_to_its_own_holder)
{
	struct kreg_found holder = { 0 };

	ck_assert_int_eq(kreg_register(k, "key", KREG_STRING, "a", 1, NULL), 0);
	ck_assert_int_eq(kreg_register(k, "key", KREG_STRING, "b", 1, &holder), -EEXIST);
	ck_assert_int_eq(holder.owner.pid, getpid());
}
END_TEST

START_TEST(a_million_refusals_cost_no_byte)
{
	struct kreg_stat before, after;
	int i;

	ck_assert_int_eq(kreg_register(k, "key", KREG_STRING, "a", 1, NULL), 0);
	before = stat_now();
	for (i = 0; i < 1000000; i++)
		ck_assert_int_eq(kreg_register(k, "key", KREG_STRING, "b", 1, NULL), -EEXIST);
	after = stat_now();
	ck_assert_uint_eq(after.bytes_used, before.bytes_used);
	ck_assert_uint_eq(after.bytes_reserved, before.bytes_reserved);
}
END_TEST

START_TEST(bad_keys_and_values_are_refused_and_change_nothing)
{
	static char large[KREG_VALUE_MAX + 1], key[KREG_KEY_MAX + 1];
	struct kreg_stat before = stat_now(), after;

	memset(key, 'k', sizeof(key));
	ck_assert_int_eq(kreg_register(k, "", 0, "v", 1, NULL), -EINVAL);
	ck_assert_int_eq(kreg_register(k, "", KREG_STRING, "v", 1, NULL), -EINVAL);
	ck_assert_int_eq(kreg_register(k, NULL, 3, "v", 1, NULL), -EINVAL);
	ck_assert_int_eq(kreg_register(k, "key", 3, NULL, 1, NULL), -EINVAL);
	ck_assert_int_eq(kreg_register(NULL, "key", 3, "v", 1, NULL), -EINVAL);
	ck_assert_int_eq(kreg_register(k, key, sizeof(key), "v", 1, NULL), -ENAMETOOLONG);
	ck_assert_int_eq(kreg_register(k, "key", 3, large, sizeof(large), NULL), -EMSGSIZE);
	ck_assert_int_eq(kreg_lookup(k, "", 0, NULL, 0, NULL), -EINVAL);
	ck_assert_int_eq(kreg_lookup(k, key, sizeof(key), NULL, 0, NULL), -ENAMETOOLONG);
	ck_assert_int_eq(kreg_lookup(k, "key", 3, NULL, 5, NULL), -EINVAL);
	ck_assert_int_eq(kreg_unregister(k, "", 0), -EINVAL);
	after = stat_now();
	ck_assert_uint_eq(after.entries, 0);
	ck_assert_uint_eq(after.bytes_used, before.bytes_used);
	ck_assert_uint_eq(after.bytes_reserved, before.bytes_reserved);
}
END_TEST

START_TEST(values_of_every_size_come_back_and_their_bytes_too)
{
	static unsigned char in[KREG_VALUE_MAX], out[KREG_VALUE_MAX];
	char key[KREG_KEY_MAX];
	size_t sizes[] = { 0,    1,    7,    8,    9,     31,    32,    33,    100,  200,
			   255,  400,  450,  487,  488,   489,   512,   513,   1024, 1025,
			   4096, 8191, 8192, 8193, 16384, 16385, 40000, 65535, 65536 };
	struct kreg_stat before = stat_now();
	size_t i, key_size;

	for (i = 0; i < sizeof(in); i++)
		in[i] = (unsigned char)(i * 7 + i / 251);
	for (key_size = 1; key_size <= KREG_KEY_MAX; key_size += 1 + key_size / 3) {
		memset(key, (int)key_size, key_size);
		for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
			ssize_t size = (ssize_t)sizes[i];

			ck_assert_int_eq(kreg_register(k, key, key_size, in, sizes[i], NULL), 0);
			ck_assert_int_eq(kreg_lookup(k, key, key_size, out, sizeof(out), NULL),
					 size);
			ck_assert(!memcmp(in, out, sizes[i]));
			if (size)
				ck_assert_int_eq(
					kreg_lookup(k, key, key_size, out, sizes[i] - 1, NULL),
					-ERANGE);
			ck_assert_int_eq(kreg_unregister(k, key, key_size), 1);
		}
	}
	ck_assert_int_ge(kreg_sweep(k), 0);
	ck_assert_uint_eq(stat_now().bytes_used, before.bytes_used);
}
END_TEST

struct seen {
	int count;
	int order[8];
};

static int note(const struct kreg_entry *entry, void *data)
{
	struct seen *seen = data;

	if (seen->count < 8)
		memcpy(&seen->order[seen->count], entry->value, sizeof(int));
	seen->count++;
	return 0;
}

START_TEST(entries_are_visited_once_each_by_prefix_and_by_owner)
{
	struct seen all = { 0 }, some = { 0 }, own = { 0 };
	struct kreg_owner self;
	char key[32];
	int i;

	for (i = 0; i < 5000; i++) {
		snprintf(key, sizeof(key), "%s-%d", i % 5 ? "odd" : "five", i);
		ck_assert_int_eq(kreg_register(k, key, KREG_STRING, &i, sizeof(i), NULL), 0);
	}
	ck_assert_int_eq(kreg_self(k, &self), 0);
	ck_assert_int_eq(kreg_each(k, NULL, 0, note, &all), 0);
	ck_assert_int_eq(kreg_each(k, "five-", KREG_STRING, note, &some), 0);
	ck_assert_int_eq(kreg_each_of_owner(k, &self, note, &own), 0);
	ck_assert_int_eq(all.count, 5000);
	ck_assert_int_eq(some.count, 1000);
	ck_assert_int_eq(own.count, 5000);
}
END_TEST

/* Bytes for a key or a value that no other one has. */
static void fill(unsigned char *bytes, int size, int what)
{
	int i;

	for (i = 0; i < size; i++)
		bytes[i] = (unsigned char)(what * 31 + i * 7 + size);
}

START_TEST(invalid_arguments_are_refused)
{
	struct kreg_found nowhere = { .capacity = 8 };
	struct kreg_key keys[] = { { "key", 3 }, { "key", 3 } };
	struct kreg_found found[] = { { .capacity = 8 }, { .capacity = 0 } };
	struct kreg *many;

	ck_assert_int_eq(kreg_register(k, "key", KREG_STRING, "value", 5, NULL), 0);
	ck_assert_int_eq(kreg_lookup(k, "key", KREG_STRING, NULL, 8, NULL), -EINVAL);
	ck_assert_int_eq(kreg_await(k, "key", KREG_STRING, 0, &nowhere), -EINVAL);
	ck_assert_int_eq(kreg_register_with(k, "key", KREG_STRING, NULL, 0, 0, &nowhere), -EINVAL);
	ck_assert_int_eq(kreg_lookup_many(k, keys, 2, found), 1);
	ck_assert_int_eq(found[0].size, -EINVAL);
	ck_assert_int_eq(found[1].size, 5);
	ck_assert_int_eq(kreg_unregister_match(k, "key", KREG_STRING, NULL, NULL), -EINVAL);
	ck_assert_int_eq(kreg_unregister_all(NULL, 0), -EINVAL);
	ck_assert_int_eq(kreg_unregister_all(k, KREG_UNREGISTER_PROCESS << 1), -EINVAL);
	ck_assert_int_eq(kreg_count(k), 1);
	ck_assert_int_eq(
		open_as(&many, "turns", (struct kreg_options){ .keys = KREG_KEYS_DUPLICATE }), 0);
	ck_assert_int_eq(kreg_register(many, "key", KREG_STRING, NULL, 0, NULL), 0);
	ck_assert_int_eq(kreg_await_turn(many, "key", KREG_STRING, 0), -EINVAL);
	kreg_close(many);
}
END_TEST

/* Once, adds to the counter that is being updated. */
static ssize_t add_meanwhile(void *value, size_t capacity, const void *old, size_t old_size,
			     void *data)
{
	int64_t *calls = data, number;

	ck_assert_uint_eq(old_size, sizeof(number));
	ck_assert_uint_ge(capacity, sizeof(number));
	if (!(*calls)++)
		ck_assert_int_eq(kreg_counter_add(k, "counter", KREG_STRING, 5, NULL), 0);
	memcpy(&number, old, sizeof(number));
	number *= 2;
	memcpy(value, &number, sizeof(number));
	return sizeof(number);
}

START_TEST(a_counter_that_is_added_to_during_an_update_loses_nothing)
{
	int64_t number = 10, calls = 0, sum = 0;

	ck_assert_int_eq(kreg_register(k, "counter", KREG_STRING, &number, sizeof(number), NULL),
			 0);
	ck_assert_int_eq(kreg_update_with(k, "counter", KREG_STRING, add_meanwhile, &calls), 0);
	ck_assert_int_eq(calls, 2);
	ck_assert_int_eq(kreg_counter_sum(k, "counter", KREG_STRING, &sum), 0);
	ck_assert_int_eq(sum, 30);
}
END_TEST

START_TEST(keys_and_values_of_all_sizes_come_back_byte_by_byte)
{
	unsigned char key[KREG_KEY_MAX], value[700], got[700];
	struct kreg_owner owner;
	int key_size, size;

	for (key_size = 1; key_size <= KREG_KEY_MAX; key_size += key_size < 70 ? 1 : 37) {
		for (size = 0; size < (int)sizeof(value) - 1; size += size < 70 ? 1 : 91) {
			fill(key, key_size, 1);
			fill(value, size, 2);
			ck_assert_int_eq(kreg_register(k, key, key_size, value, size, NULL), 0);
			memset(got, 0xee, sizeof(got));
			ck_assert_int_eq(kreg_lookup(k, key, key_size, got, size, &owner), size);
			ck_assert_mem_eq(got, value, size);
			ck_assert_uint_eq(got[size], 0xee);
			ck_assert_int_eq(owner.pid, getpid());
			if (size) {
				memset(got, 0xee, sizeof(got));
				ck_assert_int_eq(kreg_lookup(k, key, key_size, got, size - 1, NULL),
						 -ERANGE);
				ck_assert_uint_eq(got[0], 0xee);
			}
			key[key_size - 1] ^= 1;
			ck_assert_int_eq(kreg_lookup(k, key, key_size, NULL, 0, NULL), -ENOENT);
			key[key_size - 1] ^= 1;
			ck_assert_int_eq(kreg_unregister(k, key, key_size), 1);
		}
	}
}
END_TEST

START_TEST(a_request_for_duplicates_is_refused_on_unique_keys_but_not_the_reverse)
{
	struct kreg *single, *many, *other;

	ck_assert_int_eq(
		open_as(&many, "many", (struct kreg_options){ .keys = KREG_KEYS_DUPLICATE }), 0);
	ck_assert_int_eq(
		open_as(&single, "single", (struct kreg_options){ .keys = KREG_KEYS_UNIQUE }), 0);
	ck_assert_int_eq(
		open_as(&other, "single", (struct kreg_options){ .keys = KREG_KEYS_DUPLICATE }),
		-EINVAL);
	ck_assert_int_eq(open_as(&other, "many", (struct kreg_options){ .keys = KREG_KEYS_UNIQUE }),
			 0);
	kreg_close(other);
	kreg_close(single);
	kreg_close(many);
}
END_TEST

START_TEST(duplicates_of_a_key_are_in_order_and_removed_together)
{
	struct seen seen = { 0 };
	struct kreg *many;
	int i;

	ck_assert_int_eq(
		open_as(&many, "many", (struct kreg_options){ .keys = KREG_KEYS_DUPLICATE }), 0);
	for (i = 0; i < 5; i++)
		ck_assert_int_eq(kreg_register(many, "key", KREG_STRING, &i, sizeof(i), NULL), 0);
	ck_assert_int_eq(kreg_each_of_key(many, "key", KREG_STRING, note, &seen), 0);
	ck_assert_int_eq(seen.count, 5);
	for (i = 0; i < 5; i++)
		ck_assert_int_eq(seen.order[i], i);
	ck_assert_int_eq(kreg_count(many), 5);
	ck_assert_int_eq(kreg_unregister(many, "key", KREG_STRING), 5);
	ck_assert_int_eq(kreg_count(many), 0);
	kreg_close(many);
}
END_TEST

START_TEST(closing_unregisters_what_the_handle_registered)
{
	struct kreg *second;

	ck_assert_int_eq(open_as(&second, "unit", (struct kreg_options){ 0 }), 0);
	ck_assert_int_eq(kreg_register(k, "first", KREG_STRING, "1", 1, NULL), 0);
	ck_assert_int_eq(kreg_register(second, "second", KREG_STRING, "2", 1, NULL), 0);
	ck_assert_int_eq(kreg_count(k), 2);
	kreg_close(second);
	ck_assert_int_eq(kreg_lookup(k, "second", KREG_STRING, NULL, 0, NULL), -ENOENT);
	ck_assert_int_eq(kreg_lookup(k, "first", KREG_STRING, NULL, 0, NULL), 1);
	ck_assert_int_eq(kreg_count(k), 1);
}
END_TEST

START_TEST(wrong_names_flags_and_options_are_refused)
{
	struct {
		struct kreg_options known;
		uint64_t unknown;
	} newer = { .known = { .size = sizeof(newer), .guard = "none" } };
	const char *names[] = {
		"",        ".",
		".hidden", "a/b",
		"a b",     "x:y",
		":x",      "1:",
		"-1:x",    "a123456789012345678901234567890123456789012345678901234567890123456"
	};
	struct kreg *other;
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		ck_assert_int_eq(open_as(&other, names[i], (struct kreg_options){ 0 }), -EINVAL);
	ck_assert_int_eq(open_as(&other, NULL, (struct kreg_options){ 0 }), -EINVAL);
	ck_assert_int_eq(open_as(&other, "x", (struct kreg_options){ .flags = 64 }), -EINVAL);
	ck_assert_int_eq(open_as(&other, "x", (struct kreg_options){ .keys = 7 }), -EINVAL);
	ck_assert_int_eq(open_as(&other, "x", (struct kreg_options){ .mode = 01777 }), -EINVAL);
	ck_assert_int_eq(open_as(&other, "x", (struct kreg_options){ .seats = 70000 }), -EINVAL);
	ck_assert_int_eq(open_as(&other, "x", (struct kreg_options){ .max_bytes = 1 }), -EINVAL);
	ck_assert_int_eq(
		open_as(&other, "unit", (struct kreg_options){ .flags = KREG_OPEN_EXCLUSIVE }),
		-EEXIST);
	ck_assert_int_eq(
		open_as(&other, "none", (struct kreg_options){ .flags = KREG_OPEN_EXISTING }),
		-ENOENT);
	ck_assert_int_eq(
		open_as(&other, "none", (struct kreg_options){ .flags = KREG_OPEN_READONLY }),
		-ENOENT);
	ck_assert_int_eq(open_as(&other, "x", (struct kreg_options){ .life = KREG_LIFE_GUARD }),
			 -ENODEV);
	newer.known.directory = tmp_directory();
	newer.unknown = 1;
	ck_assert_int_eq(kreg_open(&other, "unit", &newer.known), -E2BIG);
	newer.unknown = 0;
	ck_assert_int_eq(kreg_open(&other, "unit", &newer.known), 0);
	kreg_close(other);
}
END_TEST

static void *register_in_thread(void *data)
{
	int *result = data;

	*result = kreg_register(k, "thread", KREG_STRING, "x", 1, NULL);
	return NULL;
}

START_TEST(a_thread_without_a_slot_gets_an_error_and_an_ended_thread_frees_its_slot)
{
	struct kreg *before = k;
	pthread_t thread;
	int result, i;

	ck_assert_int_eq(open_as(&k, "slots", (struct kreg_options){ .slots = 2 }), 0);
	ck_assert_int_eq(kreg_register(k, "main", KREG_STRING, "x", 1, NULL), 0);
	for (i = 0; i < 5; i++) {
		ck_assert_int_eq(pthread_create(&thread, NULL, register_in_thread, &result), 0);
		pthread_join(thread, NULL);
		ck_assert_int_eq(result, 0);
		ck_assert_int_eq(kreg_unregister(k, "thread", KREG_STRING), 1);
	}
	kreg_close(k);
	ck_assert_int_eq(open_as(&k, "slot", (struct kreg_options){ .slots = 1 }), 0);
	ck_assert_int_eq(kreg_register(k, "main", KREG_STRING, "x", 1, NULL), 0);
	ck_assert_int_eq(pthread_create(&thread, NULL, register_in_thread, &result), 0);
	pthread_join(thread, NULL);
	ck_assert_int_eq(result, -ENOBUFS);
	ck_assert_int_eq(kreg_count(k), 1);
	ck_assert_int_eq(kreg_lookup(k, "thread", KREG_STRING, NULL, 0, NULL), -ENOENT);
	kreg_close(k);
	k = before;
}
END_TEST

static int open_in_child(int link, void *data)
{
	struct kreg *second;

	(void)data;
	link_say(link, open_as(&second, "seats", (struct kreg_options){ 0 }));
	return 0;
}

START_TEST(a_process_without_a_seat_gets_an_error_and_a_second_handle_needs_none)
{
	struct kreg *first, *second;
	struct child child;

	ck_assert_int_eq(open_as(&first, "seats", (struct kreg_options){ .seats = 1 }), 0);
	ck_assert_int_eq(kreg_register(first, "key", KREG_STRING, "x", 1, NULL), 0);
	child = child_start(open_in_child, NULL);
	ck_assert_int_eq(link_hear(child.link), -EUSERS);
	child_end(&child);
	ck_assert_int_eq(open_as(&second, "seats", (struct kreg_options){ 0 }), 0);
	ck_assert_int_eq(kreg_count(first), 1);
	kreg_close(first);
	child = child_start(open_in_child, NULL);
	ck_assert_int_eq(link_hear(child.link), -EUSERS);
	child_end(&child);
	kreg_close(second);
	child = child_start(open_in_child, NULL);
	ck_assert_int_eq(link_hear(child.link), 0);
	child_end(&child);
}
END_TEST

START_TEST(a_full_registry_is_an_error_and_works_again_when_there_is_room)
{
	static char value[30000];
	struct kreg *small;
	char key[32];
	int i, full, err = 0;

	ck_assert_int_eq(open_as(&small, "small", (struct kreg_options){ .max_bytes = 1 << 20 }),
			 0);
	for (full = 0; !err; full++) {
		snprintf(key, sizeof(key), "%d", full);
		err = kreg_register(small, key, KREG_STRING, value, sizeof(value), NULL);
	}
	ck_assert_int_eq(err, -ENOSPC);
	ck_assert_int_eq(kreg_count(small), full - 1);
	for (i = 0; i < full - 1; i++) {
		snprintf(key, sizeof(key), "%d", i);
		ck_assert_int_eq(kreg_lookup(small, key, KREG_STRING, NULL, 0, NULL),
				 sizeof(value));
	}
	ck_assert_int_eq(kreg_unregister(small, "0", KREG_STRING), 1);
	ck_assert_int_eq(kreg_register(small, "new", KREG_STRING, value, sizeof(value), NULL), 0);
	kreg_close(small);
}
END_TEST

START_TEST(every_error_has_a_message)
{
	const int errors[] = { EEXIST,  ENOENT,  EINVAL, ENAMETOOLONG, EMSGSIZE,   EACCES,
			       EPERM,   EROFS,   EPROTO, E2BIG,        EBUSY,      ENODEV,
			       EUSERS,  ENOBUFS, ENOSPC, ESTALE,       EOWNERDEAD, ESHUTDOWN,
			       EUCLEAN, EAGAIN,  ESRCH,  ENOMEM,       ENOTDIR };
	size_t i, j;

	for (i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
		for (j = 0; j < i; j++)
			ck_assert_str_ne(kreg_strerror(-errors[i]), kreg_strerror(-errors[j]));
		ck_assert_str_ne(kreg_strerror(-errors[i]), strerror(errors[i]));
	}
	ck_assert_str_eq(kreg_strerror(0), "no error");
	ck_assert_str_eq(kreg_version(), KREG_VERSION);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		a_registered_value_is_looked_up_and_unregistered,
		a_key_is_also_refused_to_its_own_holder,
		a_million_refusals_cost_no_byte,
		bad_keys_and_values_are_refused_and_change_nothing,
		values_of_every_size_come_back_and_their_bytes_too,
		entries_are_visited_once_each_by_prefix_and_by_owner,
		invalid_arguments_are_refused,
		a_counter_that_is_added_to_during_an_update_loses_nothing,
		keys_and_values_of_all_sizes_come_back_byte_by_byte,
		a_request_for_duplicates_is_refused_on_unique_keys_but_not_the_reverse,
		duplicates_of_a_key_are_in_order_and_removed_together,
		closing_unregisters_what_the_handle_registered,
		wrong_names_flags_and_options_are_refused,
		a_thread_without_a_slot_gets_an_error_and_an_ended_thread_frees_its_slot,
		a_process_without_a_seat_gets_an_error_and_a_second_handle_needs_none,
		a_full_registry_is_an_error_and_works_again_when_there_is_room,
		every_error_has_a_message,
		NULL,
	};

	return unit_run("registry", set_up, tear_down, tests);
}
