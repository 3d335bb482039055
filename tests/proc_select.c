/* SPDX-License-Identifier: MIT */
/*
 * Many entries in one call: select and count by a pattern, and visit an owner's entries.
 */
#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "tests/support/child.h"
#include "tests/support/guard.h"
#include "tests/support/seen.h"

static struct kreg *k;
static int mode;

static struct kreg *open_mode(int in)
{
	mode = in;
	return mode_open(in, "select");
}

static int is_even(const struct kreg_entry *entry, void *data)
{
	(void)data;
	return !((*(const char *)entry->value - '0') % 2);
}

#define assert_selects(text_, ...)                                                                 \
	do {                                                                                       \
		KREG_PATTERN(pattern__, __VA_ARGS__);                                              \
		struct seen seen__ = { "" };                                                       \
		ck_assert_int_eq(kreg_select(k, &pattern__, seen_note, &seen__), 0);               \
		ck_assert_str_eq(seen__.text, text_);                                              \
	} while (0)

/* Registers "key" with the value "5", reports that, and waits. */
static int hold_key(int link, void *data)
{
	(void)data;
	link_say(link, kreg_register(mode_open(mode, "select"), "key", KREG_STRING, "5", 1, NULL));
	link_hear(link);
	return 0;
}

START_TEST(a_pattern_matches_by_key_prefix_glob_owner_value_and_predicate)
{
	struct kreg_owner self, other;
	struct child child;

	k = open_mode(_i);
	child = child_start(hold_key, NULL);
	ck_assert_int_eq(link_hear(child.link), 0);
	ck_assert_int_eq(kreg_register(k, "a*b", 3, "1", 1, NULL), 0);
	ck_assert_int_eq(kreg_register(k, "axb", 3, "2", 1, NULL), 0);
	ck_assert_int_eq(kreg_register(k, "a\0b", 3, "3", 1, NULL), 0);
	ck_assert_int_eq(kreg_self(k, &self), 0);
	ck_assert_int_eq(kreg_lookup(k, "key", KREG_STRING, NULL, 0, &other), 1);
	assert_selects("a*b=1 ", .key = "a*b", .key_size = 3);
	assert_selects("axb=2 ", .prefix = "ax", .prefix_size = 2);
	assert_selects("a*b=1 ", .glob = "a[*]b");
	assert_selects("axb=2 ", .glob = "*b", .match = is_even);
	assert_selects("key=5 ", .owner = &other);
	assert_selects("axb=2 ", .owner = &self, .value = "2", .value_size = 1);
	assert_selects("", .key = "nobody", .key_size = KREG_STRING);
	assert_selects("", .owner = &other, .value = "2", .value_size = 1);
	ck_assert_int_eq(kreg_count_select(k, NULL), 4);
	child_kill(&child);
	assert_selects("", .owner = &other);
	ck_assert_int_eq(kreg_count_select(k, NULL), 3);
	kreg_close(k);
}
END_TEST

START_TEST(an_invalid_pattern_is_refused)
{
	struct kreg_owner nobody = { 0 };
	KREG_PATTERN(no_prefix, .prefix_size = 3);
	KREG_PATTERN(no_owner, .owner = &nobody);
	KREG_PATTERN(empty_key, .key = "", .key_size = 0);
	struct {
		struct kreg_pattern known;
		uint64_t more;
	} newer = { .known = { .size = sizeof(newer) }, .more = 1 };

	k = open_mode(_i);
	ck_assert_int_eq(kreg_count_select(k, &no_prefix), -EINVAL);
	ck_assert_int_eq(kreg_count_select(k, &no_owner), -EINVAL);
	ck_assert_int_eq(kreg_count_select(k, &empty_key), -EINVAL);
	ck_assert_int_eq(kreg_count_select(k, &newer.known), -E2BIG);
	newer.more = 0;
	ck_assert_int_eq(kreg_count_select(k, &newer.known), 0);
	kreg_close(k);
}
END_TEST

#define NAMES 200

/*
 * Holds NAMES names and gives them values of changing sizes, which lie in different
 * slabs.
 */
static int update_all(int link, void *data)
{
	static char value[1000];
	struct kreg *own = mode_open(mode, "select");
	struct kreg_owner self;
	char key[16];
	int i;

	(void)data;
	for (i = 0; i < NAMES; i++) {
		snprintf(key, sizeof(key), "name-%d", i);
		if (kreg_register(own, key, KREG_STRING, NULL, 0, NULL))
			return 1;
	}
	if (kreg_self(own, &self))
		return 2;
	link_say(link, (int64_t)self.token);
	for (;; i++) {
		snprintf(key, sizeof(key), "name-%d", i % NAMES);
		if (kreg_update(own, key, KREG_STRING, value, (size_t)i * 37 % sizeof(value), NULL,
				0) < 0)
			return 3;
	}
}

static int tick_off(const struct kreg_entry *entry, void *data)
{
	int *seen = data;
	char key[16];
	int i;

	snprintf(key, sizeof(key), "%.*s", (int)entry->key_size, (const char *)entry->key);
	ck_assert_int_eq(sscanf(key, "name-%d", &i), 1);
	seen[i]++;
	return 0;
}

START_TEST(an_owners_entries_are_each_visited_once_while_it_updates_them)
{
	struct kreg_owner owner = { 0 };
	struct child child;
	int i, round;

	k = open_mode(_i);
	child = child_start(update_all, NULL);
	owner.token = (uint64_t)link_hear(child.link);
	for (round = 0; round < 300; round++) {
		int seen[NAMES] = { 0 };

		ck_assert_int_eq(kreg_each_of_owner(k, &owner, tick_off, seen), 0);
		for (i = 0; i < NAMES; i++)
			ck_assert_int_eq(seen[i], 1);
	}
	child_kill(&child);
	ck_assert_int_eq(kreg_each_of_owner(k, &owner, tick_off, NULL), 0);
	kreg_close(k);
}
END_TEST

int main(void)
{
	const TTest *const both[] = {
		a_pattern_matches_by_key_prefix_glob_owner_value_and_predicate,
		an_invalid_pattern_is_refused,
		an_owners_entries_are_each_visited_once_while_it_updates_them,
		NULL,
	};

	return modes_run(suite_create("select"), tcase_create("both"), both, NULL, NULL);
}
