/* SPDX-License-Identifier: MIT */
/*
 * What an owner may do with its names, and what other processes see of it: update,
 * unregister by value, wait in line, take over, count.
 */
#include <check.h>
#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/support/child.h"
#include "tests/support/guard.h"
#include "tests/support/unit.h"

static struct kreg *k;
static int mode;

static struct kreg *open_mode(int in)
{
	mode = in;
	return mode_open(in, "change");
}

/* "value" and the pid of the holder of @key. */
#define assert_holds(key, pid_, value_)                                                            \
	do {                                                                                       \
		char value__[64];                                                                  \
		struct kreg_owner owner__;                                                         \
		ck_assert_int_eq(                                                                  \
			kreg_lookup(k, key, KREG_STRING, value__, sizeof(value__), &owner__),      \
			strlen(value_));                                                           \
		ck_assert_mem_eq(value__, value_, strlen(value_));                                 \
		ck_assert_int_eq(owner__.pid, pid_);                                               \
	} while (0)

/*
 * Registers "key" with @flags and its own pid as text; reports the result, and exits on
 * request.
 */
struct claim {
	uint32_t flags;
	const char *value;
};

static int claim_key(int link, void *data)
{
	const struct claim *claim = data;
	struct kreg *own = mode_open(mode, "change");
	char value[64];
	struct kreg_found holder = { .value = value, .capacity = sizeof(value) };
	int got;

	got = kreg_register_with(own, "key", KREG_STRING, claim->value, strlen(claim->value),
				 claim->flags, &holder);
	link_say(link, got);
	link_say(link, got == -EEXIST || got == KREG_WAITING ? holder.owner.pid : 0);
	while (link_hear(link) != INT64_MIN)
		link_say(link, kreg_unregister(own, "key", KREG_STRING));
	return 0;
}

static struct child claim(struct claim *with, int64_t result, int64_t holder)
{
	struct child child = child_start(claim_key, with);

	ck_assert_int_eq(link_hear(child.link), result);
	ck_assert_int_eq(link_hear(child.link), holder);
	return child;
}

START_TEST(a_refusal_reports_the_holders_pid_and_value)
{
	struct claim plain = { .value = "theirs" };
	struct kreg_found holder = { 0 };
	char value[4], room[64];
	struct child child;

	k = open_mode(_i);
	child = claim(&plain, 0, 0);
	holder.value = room;
	holder.capacity = sizeof(room);
	ck_assert_int_eq(kreg_register_with(k, "key", KREG_STRING, "mine", 4, 0, &holder), -EEXIST);
	ck_assert_int_eq(holder.owner.pid, child.pid);
	ck_assert_int_eq(holder.size, 6);
	ck_assert_mem_eq(room, "theirs", 6);
	holder.value = value;
	holder.capacity = sizeof(value);
	memset(value, 7, sizeof(value));
	ck_assert_int_eq(kreg_register_with(k, "key", KREG_STRING, "mine", 4, 0, &holder), -EEXIST);
	ck_assert_int_eq(holder.size, -ERANGE);
	ck_assert_int_eq(value[0], 7);
	child_kill(&child);
	ck_assert_int_eq(kreg_register_with(k, "key", KREG_STRING, "mine", 4, 0, &holder), 0);
	ck_assert_int_eq(kreg_register_with(k, "key", KREG_STRING, "mine", 4, 0, &holder), -EEXIST);
	ck_assert_int_eq(holder.owner.pid, getpid());
	ck_assert_int_eq(kreg_register_with(k, "k", 1, NULL, 0, 1 << 20, NULL), -EINVAL);
	kreg_close(k);
}
END_TEST

START_TEST(an_update_returns_the_old_value_and_is_refused_to_other_processes)
{
	struct claim plain = { .value = "theirs" };
	struct child child;
	char old[16], *large = malloc(KREG_VALUE_MAX);

	k = open_mode(_i);
	ck_assert_int_eq(kreg_update(k, "mine", KREG_STRING, "x", 1, NULL, 0), -ENOENT);
	ck_assert_int_eq(kreg_register(k, "mine", KREG_STRING, "one", 3, NULL), 0);
	ck_assert_int_eq(kreg_update(k, "mine", KREG_STRING, "second", 6, old, sizeof(old)), 3);
	ck_assert_mem_eq(old, "one", 3);
	assert_holds("mine", getpid(), "second");
	memset(large, 'l', KREG_VALUE_MAX);
	ck_assert_int_eq(kreg_update(k, "mine", KREG_STRING, large, KREG_VALUE_MAX, old, 2),
			 -ERANGE);
	assert_holds("mine", getpid(), "second");
	ck_assert_int_eq(kreg_update(k, "mine", KREG_STRING, large, KREG_VALUE_MAX, NULL, 0), 6);
	ck_assert_int_eq(kreg_lookup(k, "mine", KREG_STRING, NULL, 0, NULL), KREG_VALUE_MAX);
	ck_assert_int_eq(kreg_update(k, "mine", KREG_STRING, large, KREG_VALUE_MAX + 1, NULL, 0),
			 -EMSGSIZE);
	ck_assert_int_eq(kreg_update(k, "mine", KREG_STRING, NULL, 0, NULL, 0), KREG_VALUE_MAX);
	assert_holds("mine", getpid(), "");
	ck_assert_int_eq(kreg_count(k), 1);

	child = claim(&plain, 0, 0);
	ck_assert_int_eq(kreg_update(k, "key", KREG_STRING, "x", 1, NULL, 0), -EPERM);
	ck_assert_int_eq(kreg_update_if(k, "key", KREG_STRING, "x", 1, "theirs", 6), -EPERM);
	assert_holds("key", child.pid, "theirs");
	child_kill(&child);
	free(large);
	kreg_close(k);
}
END_TEST

START_TEST(compare_and_swap_replaces_only_the_expected_value)
{
	k = open_mode(_i);
	ck_assert_int_eq(kreg_register(k, "mine", KREG_STRING, "one", 3, NULL), 0);
	ck_assert_int_eq(kreg_update_if(k, "mine", KREG_STRING, "x", 1, "two", 3), -ECANCELED);
	ck_assert_int_eq(kreg_update_if(k, "mine", KREG_STRING, "x", 1, "on", 2), -ECANCELED);
	ck_assert_int_eq(kreg_update_if(k, "mine", KREG_STRING, "x", 1, NULL, 0), -ECANCELED);
	assert_holds("mine", getpid(), "one");
	ck_assert_int_eq(kreg_update_if(k, "mine", KREG_STRING, NULL, 0, "one", 3), 0);
	ck_assert_int_eq(kreg_update_if(k, "mine", KREG_STRING, "x", 1, NULL, 0), 0);
	assert_holds("mine", getpid(), "x");
	kreg_close(k);
}
END_TEST

static int calls;

static ssize_t append_letter(void *value, size_t capacity, const void *old, size_t old_size,
			     void *data)
{
	calls++;
	ck_assert_uint_ge(capacity, old_size + 1);
	memcpy(value, old, old_size);
	memcpy((char *)value + old_size, data, 1);
	/* The callback may call kreg, and then overtakes its own update. */
	if (calls == 1)
		ck_assert_int_eq(kreg_update(k, "mine", KREG_STRING, "b", 1, NULL, 0), 1);
	return (ssize_t)old_size + 1;
}

static ssize_t refuse(void *value, size_t capacity, const void *old, size_t old_size, void *data)
{
	(void)old, (void)old_size, (void)value, (void)capacity, (void)data;
	return -ENOTTY;
}

static ssize_t says_no_entry(void *value, size_t capacity, const void *old, size_t old_size,
			     void *data)
{
	(void)old, (void)old_size, (void)value, (void)capacity, (void)data;
	return -ENOENT;
}

static ssize_t too_large(void *value, size_t capacity, const void *old, size_t old_size, void *data)
{
	(void)old, (void)old_size, (void)value, (void)data;
	return (ssize_t)capacity + 1;
}

START_TEST(a_callback_sees_the_value_that_it_replaces)
{
	k = open_mode(_i);
	calls = 0;
	ck_assert_int_eq(kreg_update_with(k, "mine", KREG_STRING, append_letter, (void *)"z"),
			 -ENOENT);
	ck_assert_int_eq(calls, 0);
	ck_assert_int_eq(kreg_register(k, "mine", KREG_STRING, "a", 1, NULL), 0);
	ck_assert_int_eq(kreg_update_with(k, "mine", KREG_STRING, append_letter, (void *)"z"), 0);
	ck_assert_int_eq(calls, 2);
	assert_holds("mine", getpid(), "bz");
	ck_assert_int_eq(kreg_update_with(k, "mine", KREG_STRING, refuse, NULL), -ENOTTY);
	ck_assert_int_eq(kreg_update_with(k, "mine", KREG_STRING, too_large, NULL), -EMSGSIZE);
	assert_holds("mine", getpid(), "bz");
	kreg_close(k);
}
END_TEST

/* Updates its name between two values of two sizes until asked to stop. */
static int update_on(int link, void *data)
{
	struct pollfd order = { .fd = link, .events = POLLIN };
	struct kreg *own = mode_open(mode, "change");
	char a[100], b[3000];
	int i;

	(void)data;
	memset(a, 'a', sizeof(a));
	memset(b, 'b', sizeof(b));
	if (kreg_register(own, "key", KREG_STRING, a, sizeof(a), NULL))
		return 1;
	link_say(link, 0);
	for (i = 0; i % 64 || !poll(&order, 1, 0); i++) {
		ssize_t got = i % 2 ? kreg_update(own, "key", KREG_STRING, a, sizeof(a), NULL, 0)
				    : kreg_update(own, "key", KREG_STRING, b, sizeof(b), NULL, 0);

		if (got != (ssize_t)(i % 2 ? sizeof(b) : sizeof(a)))
			return 2;
	}
	link_hear(link);
	link_say(link, 0);
	link_hear(link);
	return 0;
}

/* So many looks, and more if the reader had no turn between two updates. */
#define LOOKS 100000u

START_TEST(readers_see_the_old_or_the_new_value_and_never_none)
{
	struct child child;
	char value[4096];
	uint64_t seen[2] = { 0 };
	ssize_t size, i;

	k = open_mode(_i);
	child = child_start(update_on, NULL);
	ck_assert_int_eq(link_hear(child.link), 0);
	while (!seen[0] || !seen[1] || seen[0] + seen[1] < LOOKS) {
		size = kreg_lookup(k, "key", KREG_STRING, value, sizeof(value), NULL);
		unit_assert(size == 100 || size == 3000);
		for (i = 1; i < size; i++)
			unit_assert(value[i] == value[0]);
		unit_assert(value[0] == (size == 100 ? 'a' : 'b'));
		seen[size == 100]++;
		unit_assert(kreg_count(k) == 1);
	}
	ck_assert_int_eq(child_ask(&child, 0), 0);
	ck_assert_int_eq(child_end(&child), 0);
	kreg_close(k);
}
END_TEST

static int value_is(const struct kreg_entry *entry, void *data)
{
	return entry->value_size == 1 && *(const char *)entry->value == *(char *)data;
}

START_TEST(unregister_match_removes_own_entries_with_that_value)
{
	KREG_OPTIONS(options, .keys = KREG_KEYS_DUPLICATE);
	KREG_PATTERN(with_b, .value = "b", .value_size = 1);

	k = mode_open_as(_i, "duplicate", &options);
	ck_assert_int_eq(kreg_unregister_match(k, "key", KREG_STRING, value_is, (void *)"a"), 0);
	ck_assert_int_eq(kreg_register(k, "key", KREG_STRING, "a", 1, NULL), 0);
	ck_assert_int_eq(kreg_register(k, "key", KREG_STRING, "b", 1, NULL), 0);
	ck_assert_int_eq(kreg_register(k, "key", KREG_STRING, "a", 1, NULL), 0);
	ck_assert_int_eq(kreg_register(k, "other", KREG_STRING, "a", 1, NULL), 0);
	ck_assert_int_eq(kreg_unregister_match(k, "key", KREG_STRING, value_is, (void *)"a"), 2);
	ck_assert_int_eq(kreg_count(k), 2);
	ck_assert_int_eq(kreg_count_select(k, &with_b), 1);
	kreg_close(k);
}
END_TEST

START_TEST(the_next_in_line_becomes_the_owner_when_the_one_ahead_dies)
{
	struct claim queue = { .value = "v", .flags = KREG_REGISTER_QUEUE };
	struct claim plain = { .value = "v" };
	struct child first, second, third;

	k = open_mode(_i);
	first = claim(&queue, 0, 0);
	second = claim(&queue, KREG_WAITING, first.pid);
	third = claim(&queue, KREG_WAITING, first.pid);
	assert_holds("key", first.pid, "v");
	ck_assert_int_eq(kreg_count(k), 3);
	child_kill(&first);
	assert_holds("key", second.pid, "v");
	ck_assert_int_eq(kreg_count(k), 2);
	child_kill(&third);
	assert_holds("key", second.pid, "v");
	third = claim(&queue, KREG_WAITING, second.pid);
	link_say(second.link, 2);
	ck_assert_int_eq(link_hear(second.link), 1);
	assert_holds("key", third.pid, "v");
	first = claim(&plain, -EEXIST, third.pid);
	child_kill(&first);
	child_kill(&second);
	child_kill(&third);
	ck_assert_int_eq(kreg_lookup(k, "key", KREG_STRING, NULL, 0, NULL), -ENOENT);
	ck_assert_int_eq(kreg_count(k), 0);
	kreg_close(k);
}
END_TEST

START_TEST(a_name_is_taken_over_only_from_an_owner_that_allows_it)
{
	struct claim allows = { .value = "old", .flags = KREG_REGISTER_REPLACEABLE };
	struct claim takes = { .value = "new", .flags = KREG_REGISTER_REPLACE };
	struct claim waits = { .value = "late",
			       .flags = KREG_REGISTER_REPLACE | KREG_REGISTER_QUEUE };
	struct child old, new, refused, late;

	k = open_mode(_i);
	old = claim(&allows, 0, 0);
	new = claim(&takes, 0, 0);
	assert_holds("key", new.pid, "new");
	refused = claim(&takes, -EEXIST, new.pid);
	child_kill(&refused);
	late = claim(&waits, KREG_WAITING, new.pid);
	/* The old owner is next. */
	child_kill(&new);
	assert_holds("key", old.pid, "old");
	child_kill(&old);
	assert_holds("key", late.pid, "late");
	child_kill(&late);
	kreg_close(k);
}
END_TEST

/* Counts to a hundred under "hits", reports that, and waits. */
static int count_hits(int link, void *data)
{
	KREG_OPTIONS(options, .keys = KREG_KEYS_DUPLICATE);
	struct kreg *own = mode_open_as(mode, "counters", &options);
	int64_t now = 0;
	int i;

	(void)data;
	if (kreg_register(own, "hits", KREG_STRING, &now, sizeof(now), NULL))
		return 1;
	for (i = 1; i <= 100; i++) {
		if (kreg_counter_add(own, "hits", KREG_STRING, 1, &now) || now != i)
			return 2;
	}
	link_say(link, 0);
	link_hear(link);
	return 0;
}

START_TEST(a_sum_of_counters_includes_only_the_living)
{
	KREG_OPTIONS(options, .keys = KREG_KEYS_DUPLICATE);
	struct child children[4];
	int64_t sum = 7;
	int i;

	mode = _i;
	k = mode_open_as(_i, "counters", &options);
	ck_assert_int_eq(kreg_counter_sum(k, "hits", KREG_STRING, &sum), 0);
	ck_assert_int_eq(sum, 0);
	for (i = 0; i < 4; i++)
		children[i] = child_start(count_hits, NULL);
	for (i = 0; i < 4; i++)
		ck_assert_int_eq(link_hear(children[i].link), 0);
	for (i = 0; i < 4; i++) {
		ck_assert_int_eq(kreg_counter_sum(k, "hits", KREG_STRING, &sum), 0);
		ck_assert_int_eq(sum, 100 * (4 - i));
		child_kill(&children[i]);
	}
	ck_assert_int_eq(kreg_counter_sum(k, "hits", KREG_STRING, &sum), 0);
	ck_assert_int_eq(sum, 0);
	ck_assert_int_eq(kreg_counter_add(k, "hits", KREG_STRING, 1, NULL), -ENOENT);
	ck_assert_int_eq(kreg_register(k, "text", KREG_STRING, "1", 1, NULL), 0);
	ck_assert_int_eq(kreg_counter_add(k, "text", KREG_STRING, 1, NULL), -EINVAL);
	kreg_close(k);
}
END_TEST

static int hold_among_many(int link, void *data)
{
	KREG_OPTIONS(duplicate, .keys = KREG_KEYS_DUPLICATE);
	struct kreg *own = mode_open_as(mode, "many", &duplicate);

	(void)data;
	link_say(link, kreg_register(own, "key", KREG_STRING, "", 0, NULL));
	link_hear(link);
	return 0;
}

/* What the calls on the caller's own entry answer if it has none of this key. */
static void assert_all_answer(struct kreg *by, bool unique, int answer)
{
	struct kreg_owner self;

	ck_assert_int_eq(kreg_self(by, &self), 0);
	if (unique) {
		ck_assert_int_eq(kreg_update(by, "key", KREG_STRING, "x", 1, NULL, 0), answer);
		ck_assert_int_eq(kreg_update_if(by, "key", KREG_STRING, "x", 1, "", 0), answer);
		ck_assert_int_eq(kreg_update_with(by, "key", KREG_STRING, too_large, NULL), answer);
	}
	ck_assert_int_eq(kreg_counter_add(by, "key", KREG_STRING, 1, NULL), answer);
	ck_assert_int_eq(kreg_give(by, "key", KREG_STRING, &self), answer);
	ck_assert_int_eq(kreg_publish(by, "key", KREG_STRING, "x", 1), answer);
}

START_TEST(who_has_no_entry_learns_whether_another_process_has_the_name)
{
	struct claim plain = { .value = "" };
	struct claim reserve = { .flags = KREG_REGISTER_RESERVED, .value = "" };
	KREG_OPTIONS(duplicate, .keys = KREG_KEYS_DUPLICATE);
	struct kreg *many;
	struct child child;

	k = open_mode(_i);
	assert_all_answer(k, true, -ENOENT);
	child = claim(&plain, 0, 0);
	assert_all_answer(k, true, -EPERM);
	child_kill(&child);
	assert_all_answer(k, true, -ENOENT);
	child = claim(&reserve, 0, 0);
	assert_all_answer(k, true, -EPERM);
	child_kill(&child);
	/* Its own name, which only is not in the state that the call needs. */
	ck_assert_int_eq(
		kreg_register_with(k, "key", KREG_STRING, "", 0, KREG_REGISTER_RESERVED, NULL), 0);
	ck_assert_int_eq(kreg_update(k, "key", KREG_STRING, "x", 1, NULL, 0), -ENOENT);
	ck_assert_int_eq(kreg_publish(k, "key", KREG_STRING, "x", 1), 0);
	ck_assert_int_eq(kreg_publish(k, "key", KREG_STRING, "x", 1), -ENOENT);
	ck_assert_int_eq(kreg_update_with(k, "key", KREG_STRING, says_no_entry, NULL), -ENOENT);
	kreg_close(k);

	/* Duplicate keys: what others have under the key excludes nobody. */
	many = mode_open_as(_i, "many", &duplicate);
	child = child_start_ready(hold_among_many, NULL);
	assert_all_answer(many, false, -ENOENT);
	child_kill(&child);
	kreg_close(many);
}
END_TEST

int main(void)
{
	const TTest *const both[] = {
		a_refusal_reports_the_holders_pid_and_value,
		an_update_returns_the_old_value_and_is_refused_to_other_processes,
		compare_and_swap_replaces_only_the_expected_value,
		a_callback_sees_the_value_that_it_replaces,
		readers_see_the_old_or_the_new_value_and_never_none,
		unregister_match_removes_own_entries_with_that_value,
		the_next_in_line_becomes_the_owner_when_the_one_ahead_dies,
		a_name_is_taken_over_only_from_an_owner_that_allows_it,
		a_sum_of_counters_includes_only_the_living,
		who_has_no_entry_learns_whether_another_process_has_the_name,
		NULL,
	};

	return modes_run(suite_create("change"), tcase_create("both"), both, NULL, NULL);
}
