/* SPDX-License-Identifier: MIT */
/*
 * Updates under duplicate keys: which of the caller's entries they change, and that other
 * processes see the old value or the new one, once, in the place of the old one. Each
 * case runs without partitions and with four.
 */
#include <check.h>
#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tests/support/child.h"
#include "tests/support/events.h"
#include "tests/support/guard.h"

static const uint32_t partitions[] = { 1, 4 };

/* What the children open. */
static int mode;
static uint32_t parts;

static struct kreg *open_many(void)
{
	KREG_OPTIONS(options, .keys = KREG_KEYS_DUPLICATE, .partitions = parts);

	return mode_open_as(mode, parts == 1 ? "many" : "many-apart", &options);
}

static struct kreg *begin(int i)
{
	mode = i % MODES;
	parts = partitions[i / MODES % 2];
	return open_many();
}

static int append(const struct kreg_entry *entry, void *data)
{
	char *text = data;
	size_t length = strlen(text);

	ck_assert_uint_lt(length + entry->value_size, 64);
	memcpy(text + length, entry->value, entry->value_size);
	text[length + entry->value_size] = 0;
	return 0;
}

/* The values under "key", in the order of the list. */
#define assert_values(k, values)                                                                   \
	do {                                                                                       \
		char text__[64] = "";                                                              \
		ck_assert_int_eq(kreg_each_of_key(k, "key", KREG_STRING, append, text__), 0);      \
		ck_assert_str_eq(text__, values);                                                  \
	} while (0)

static int update(struct kreg *k, const char *value)
{
	return (int)kreg_update(k, "key", KREG_STRING, value, strlen(value), NULL, 0);
}

static int update_if(struct kreg *k, const char *value, const char *expected)
{
	return kreg_update_if(k, "key", KREG_STRING, value, strlen(value), expected,
			      strlen(expected));
}

static ssize_t double_it(void *value, size_t capacity, const void *old, size_t old_size, void *data)
{
	(void)data;
	ck_assert_uint_le(2 * old_size, capacity);
	memcpy(value, old, old_size);
	memcpy((char *)value + old_size, old, old_size);
	return (ssize_t)(2 * old_size);
}

START_TEST(the_entry_registered_last_is_updated_in_its_place)
{
	struct kreg *k = begin(_i);
	char old[4];

	ck_assert_int_eq(update(k, "x"), -ENOENT);
	ck_assert_int_eq(kreg_register(k, "key", KREG_STRING, "a", 1, NULL), 0);
	ck_assert_int_eq(kreg_register(k, "key", KREG_STRING, "b", 1, NULL), 0);
	ck_assert_int_eq(kreg_update(k, "key", KREG_STRING, "CC", 2, old, sizeof(old)), 1);
	ck_assert_int_eq(old[0], 'b');
	assert_values(k, "aCC");
	ck_assert_int_eq(kreg_register(k, "key", KREG_STRING, "d", 1, NULL), 0);
	ck_assert_int_eq(kreg_update_with(k, "key", KREG_STRING, double_it, NULL), 0);
	assert_values(k, "aCCdd");
	ck_assert_int_eq(kreg_count(k), 3);
	ck_assert_int_eq(kreg_unregister(k, "key", KREG_STRING), 3);
	kreg_close(k);
}
END_TEST

START_TEST(the_last_entry_with_the_expected_value_is_updated_in_its_place)
{
	struct kreg *k = begin(_i);
	const char *value;

	ck_assert_int_eq(update_if(k, "x", "a"), -ENOENT);
	for (value = "abac"; *value; value++)
		ck_assert_int_eq(kreg_register(k, "key", KREG_STRING, value, 1, NULL), 0);
	ck_assert_int_eq(update_if(k, "X", "a"), 0);
	assert_values(k, "abXc");
	ck_assert_int_eq(update_if(k, "YY", "a"), 0);
	assert_values(k, "YYbXc");
	ck_assert_int_eq(update_if(k, "Z", "a"), -ECANCELED);
	assert_values(k, "YYbXc");
	ck_assert_int_eq(kreg_count(k), 4);
	kreg_close(k);
}
END_TEST

START_TEST(listeners_get_one_update)
{
	struct kreg *k = begin(_i);
	struct kreg_listener *listener;
	struct kreg_event event;

	ck_assert_int_eq(kreg_register(k, "key", KREG_STRING, "a", 1, NULL), 0);
	ck_assert_int_eq(kreg_register(k, "key", KREG_STRING, "b", 1, NULL), 0);
	ck_assert_int_eq(kreg_listen(&listener, k, NULL, 0), 0);
	ck_assert_int_eq(update_if(k, "new", "a"), 0);
	event = event_wait(listener);
	ck_assert_uint_eq(event.type, KREG_EVENT_UPDATE);
	ck_assert_mem_eq(event.entry.value, "new", 3);
	ck_assert_int_eq(kreg_unregister(k, "key", KREG_STRING), 2);
	event = event_wait(listener);
	ck_assert_uint_eq(event.type, KREG_EVENT_UNREGISTER);
	event = event_wait(listener);
	ck_assert_uint_eq(event.type, KREG_EVENT_UNREGISTER);
	ck_assert_int_eq(kreg_listener_next(listener, &event), 0);
	kreg_listener_close(listener);
	kreg_close(k);
}
END_TEST

static bool has_order(int link)
{
	struct pollfd order = { .fd = link, .events = POLLIN };

	return poll(&order, 1, 0) == 1;
}

/*
 * Has three entries, and updates the second until it gets an order: its value is "b" or
 * "bbb...".
 */
static int update_second(int link, void *data)
{
	struct kreg *own = open_many();
	char large[700];
	int err = 0;
	uint32_t i;

	(void)data;
	memset(large, 'b', sizeof(large));
	err |= kreg_register(own, "key", KREG_STRING, "a", 1, NULL);
	err |= kreg_register(own, "key", KREG_STRING, "b", 1, NULL);
	err |= kreg_register(own, "key", KREG_STRING, "c", 1, NULL);
	link_say(link, err);
	for (i = 0; !err && (i % 256 || !has_order(link)); i++)
		err = i % 2 ? kreg_update_if(own, "key", KREG_STRING, "b", 1, large, sizeof(large))
			    : kreg_update_if(own, "key", KREG_STRING, large, sizeof(large), "b", 1);
	return err;
}

#define ROUNDS 500

struct seen {
	char firsts[16]; /* the first byte of each value */
	size_t count;
	uint32_t large;
};

static int note(const struct kreg_entry *entry, void *data)
{
	const char *value = entry->value;
	struct seen *seen = data;
	size_t i;

	ck_assert(entry->value_size == 1 || entry->value_size == 700);
	for (i = 1; i < entry->value_size; i++)
		ck_assert_int_eq(value[i], 'b');
	ck_assert_uint_lt(seen->count, sizeof(seen->firsts));
	seen->firsts[seen->count++] = value[0];
	seen->large += entry->value_size == 700;
	return 0;
}

/* By each way to visit them. -EAGAIN, which the loop's next turn answers, proves nothing. */
static void assert_each_once(struct kreg *k, const struct kreg_owner *owner, struct seen *all)
{
	KREG_PATTERN(by_prefix, .prefix = "k", .prefix_size = 1);
	int way;

	for (way = 0; way < 4; way++) {
		struct seen seen = { 0 };
		int64_t got = way == 0   ? kreg_each_of_key(k, "key", KREG_STRING, note, &seen)
			      : way == 1 ? kreg_select(k, &by_prefix, note, &seen)
			      : way == 2 ? kreg_each_of_owner(k, owner, note, &seen)
					 : kreg_dispatch(k, "key", KREG_STRING, note, &seen);

		if (got == -EAGAIN)
			continue;
		ck_assert_int_eq(got, way == 3 ? 3 : 0);
		ck_assert_uint_eq(seen.count, 3);
		ck_assert_mem_eq(seen.firsts, "abc", 3);
		all->count++;
		all->large += seen.large;
	}
	ck_assert_int_eq(kreg_count(k), 3);
}

START_TEST(visitors_see_the_old_or_the_new_value_once)
{
	struct kreg *k = begin(_i);
	struct child child = child_start(update_second, NULL);
	struct seen all = { 0 };
	struct kreg_owner owner;
	int round;

	ck_assert_int_eq(link_hear(child.link), 0);
	ck_assert_int_eq(kreg_whereis(k, "key", KREG_STRING, &owner), 0);
	for (round = 0; round < ROUNDS || !all.large || all.large == all.count; round++)
		assert_each_once(k, &owner, &all);
	link_say(child.link, 0);
	ck_assert_int_eq(child_end(&child), 0);
	kreg_close(k);
}
END_TEST

int main(void)
{
	const TTest cases[] = {
		*the_entry_registered_last_is_updated_in_its_place,
		*the_entry_registered_last_is_updated_in_its_place,
		*the_last_entry_with_the_expected_value_is_updated_in_its_place,
		*the_last_entry_with_the_expected_value_is_updated_in_its_place,
		*listeners_get_one_update,
		*listeners_get_one_update,
		*visitors_see_the_old_or_the_new_value_once,
		*visitors_see_the_old_or_the_new_value_once,
	};

	return modes_run_cases(suite_create("update"), cases, sizeof(cases) / sizeof(cases[0]));
}
