/* SPDX-License-Identifier: MIT */
/*
 * kreg_unregister_all(): what a handle, or its process, has registered is free, and nothing
 * else is; the handle goes on.
 */
#include <check.h>
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/handle/handle.h"
#include "lib/kreg.h"
#include "shm/bell.h"
#include "shm/gift.h"
#include "shm/query.h"
#include "tests/support/child.h"
#include "tests/support/clock.h"
#include "tests/support/events.h"
#include "tests/support/guard.h"
#include "tests/support/unit.h"

#define NAMES 500
#define MANY 20000

static int mode;
static struct kreg *a, *b;

static void open_two(int in)
{
	mode = in;
	a = mode_open(mode, "all");
	b = mode_open(mode, "all");
}

static void close_two(void)
{
	kreg_close(b);
	kreg_close(a);
}

static pid_t holder(const char *key)
{
	struct kreg_owner owner;
	int err = kreg_whereis(a, key, KREG_STRING, &owner);

	return err ? err : owner.pid;
}

static void take(struct kreg *k, const char *key)
{
	ck_assert_int_eq(kreg_register(k, key, KREG_STRING, "v", 1, NULL), 0);
}

static void reserve(struct kreg *k, const char *key)
{
	ck_assert_int_eq(
		kreg_register_with(k, key, KREG_STRING, NULL, 0, KREG_REGISTER_RESERVED, NULL), 0);
}

START_TEST(what_a_handle_registered_goes_and_the_other_handles_names_stay)
{
	char large[3000] = { 0 }, key[16];
	int i;

	open_two(_i);
	for (i = 0; i < NAMES; i++) {
		snprintf(key, sizeof(key), "%d", i);
		take(i % 2 ? a : b, key);
	}
	ck_assert_int_eq(kreg_register(b, "large", KREG_STRING, large, sizeof(large), NULL), 0);
	ck_assert_int_ge(kreg_update(a, "0", KREG_STRING, large, 2000, NULL, 0), 0);
	ck_assert_int_ge(kreg_update(b, "1", KREG_STRING, large, 2000, NULL, 0), 0);
	reserve(a, "reserved by a");
	reserve(b, "reserved by b");
	ck_assert_int_eq(kreg_unregister_all(b, 0), NAMES / 2 + 2);
	for (i = 0; i < NAMES; i++) {
		snprintf(key, sizeof(key), "%d", i);
		ck_assert_int_eq(holder(key), i % 2 ? getpid() : -ENOENT);
	}
	ck_assert_int_eq(kreg_count(a), NAMES / 2);
	ck_assert_int_eq(kreg_register(a, "reserved by a", KREG_STRING, NULL, 0, NULL), -EEXIST);
	take(a, "reserved by b");
	ck_assert_int_eq(kreg_unregister_all(b, 0), 0);
	/* The handle goes on. */
	take(b, "0");
	ck_assert_int_eq(kreg_unregister_all(b, 0), 1);
	ck_assert_int_eq(kreg_unregister_all(a, 0), NAMES / 2 + 2);
	ck_assert_int_eq(kreg_count(a), 0);
	close_two();
}
END_TEST

START_TEST(what_the_process_has_goes_through_either_handle_gifts_included)
{
	struct kreg_owner self;
	char large[9000] = { 0 };

	open_two(_i);
	ck_assert_int_eq(kreg_self(a, &self), 0);
	take(a, "a");
	take(b, "b");
	reserve(b, "reserved");
	take(a, "given");
	ck_assert_int_eq(kreg_give(a, "given", KREG_STRING, &self), 0);
	ck_assert_int_eq(kreg_register(a, "large", KREG_STRING, large, sizeof(large), NULL), 0);
	ck_assert_int_eq(kreg_give(a, "large", KREG_STRING, &self), 0);
	take(a, "given and updated");
	ck_assert_int_eq(kreg_give(a, "given and updated", KREG_STRING, &self), 0);
	ck_assert_int_ge(kreg_update(a, "given and updated", KREG_STRING, "w", 1, NULL, 0), 0);
	/* Gifts belong to no handle. */
	ck_assert_int_eq(kreg_unregister_all(a, 0), 1);
	ck_assert_int_eq(holder("given"), getpid());
	ck_assert_int_eq(holder("given and updated"), getpid());
	ck_assert_int_eq(kreg_count(a), 4);
	ck_assert_int_eq(kreg_unregister_all(a, KREG_UNREGISTER_PROCESS), 5);
	ck_assert_int_eq(kreg_count(a), 0);
	ck_assert_int_eq(holder("b"), -ENOENT);
	ck_assert_int_eq(holder("given"), -ENOENT);
	ck_assert_int_eq(holder("given and updated"), -ENOENT);
	take(a, "reserved");
	close_two();
}
END_TEST

START_TEST(locks_and_meta_stay)
{
	struct kreg_lock lock, other;
	char value[8];

	open_two(_i);
	ck_assert_int_eq(kreg_lock(a, "lock", KREG_STRING, -1, &lock), 0);
	ck_assert_int_eq(kreg_meta_put(a, "meta", KREG_STRING, "m", 1), 0);
	take(a, "lock");
	ck_assert_int_eq(kreg_unregister_all(a, 0), 1);
	ck_assert_int_eq(kreg_unregister_all(a, KREG_UNREGISTER_PROCESS), 0);
	ck_assert_int_eq(kreg_lock(b, "lock", KREG_STRING, 0, &other), -ETIMEDOUT);
	ck_assert_int_eq(kreg_meta_get(a, "meta", KREG_STRING, value, sizeof(value)), 1);
	ck_assert_int_eq(kreg_unlock(a, &lock), 0);
	close_two();
}
END_TEST

/* Holds a name and is in line for ours; then unregisters all of it when asked, with that flag. */
static int have_names(int link, void *data)
{
	struct kreg *k = mode_open(mode, "all");
	int64_t flags;

	(void)data;
	take(k, "child's");
	ck_assert_int_eq(
		kreg_register_with(k, "ours", KREG_STRING, NULL, 0, KREG_REGISTER_QUEUE, NULL),
		KREG_WAITING);
	link_say(link, 0);
	while ((flags = link_hear(link)) >= 0)
		link_say(link, kreg_unregister_all(k, (uint32_t)flags));
	return 0;
}

START_TEST(the_next_in_line_holds_it_and_places_in_lines_go)
{
	struct child child;

	mode = _i;
	open_two(_i);
	take(a, "ours");
	child = child_start_ready(have_names, NULL);
	ck_assert_int_eq(kreg_unregister_all(a, 0), 1);
	ck_assert_int_eq(holder("ours"), child.pid);
	/* Now the other way round: we wait, behind it. */
	ck_assert_int_eq(
		kreg_register_with(b, "ours", KREG_STRING, NULL, 0, KREG_REGISTER_QUEUE, NULL),
		KREG_WAITING);
	ck_assert_int_eq(
		kreg_register_with(a, "child's", KREG_STRING, NULL, 0, KREG_REGISTER_QUEUE, NULL),
		KREG_WAITING);
	ck_assert_int_eq(kreg_unregister_all(b, 0), 1);
	ck_assert_int_eq(child_ask(&child, 0), 2);
	ck_assert_int_eq(holder("ours"), -ENOENT);
	ck_assert_int_eq(holder("child's"), getpid());
	child_kill(&child);
	close_two();
}
END_TEST

static void *await_free(void *owner)
{
	return (void *)(intptr_t)kreg_await_gone(b, "waited for", KREG_STRING, owner, 60000);
}

START_TEST(waiters_are_woken_before_the_call_returns)
{
	struct kreg_owner self;
	pthread_t thread;
	uint32_t *bell, seen;
	void *result;

	open_two(_i);
	ck_assert_int_eq(kreg_self(a, &self), 0);
	take(a, "waited for");
	bell = bell_of(&a->segment, table_query(&a->segment, "waited for", 10).bell);
	ck_assert_int_eq(pthread_create(&thread, NULL, await_free, &self), 0);
	while (!((seen = load_acquire(bell)) & BELL_WAITED))
		sched_yield();
	ck_assert_int_eq(kreg_unregister_all(a, 0), 1);
	/* Rung by the call; the waiter's own attendant would have come some 100 ms later. */
	ck_assert_uint_ne(load_acquire(bell) | BELL_WAITED, seen);
	pthread_join(thread, &result);
	ck_assert_int_eq((intptr_t)result, 0);
	close_two();
}
END_TEST

START_TEST(listeners_get_an_event_for_each)
{
	struct kreg_listener *listener;
	struct kreg_event event;
	int i;

	open_two(_i);
	take(a, "one");
	take(a, "other");
	ck_assert_int_eq(kreg_listen(&listener, b, NULL, 0), 0);
	ck_assert_int_eq(kreg_unregister_all(a, 0), 2);
	for (i = 0; i < 2; i++) {
		event = event_wait(listener);
		ck_assert_uint_eq(event.type, KREG_EVENT_UNREGISTER);
	}
	ck_assert_int_eq(kreg_listener_next(listener, &event), 0);
	kreg_listener_close(listener);
	close_two();
}
END_TEST

/* "moves" goes to a slab that was passed, when the look comes to those behind. */
static bool moves;

static void move_when_at(uint32_t run)
{
	static const char large[200];

	if (!moves || !run)
		return;
	moves = false;
	ck_assert_int_eq(kreg_update(b, "moves", KREG_STRING, large, sizeof(large), NULL, 0), 1);
}

uint32_t __real_heap_tagged(struct heap *heap, uint32_t run, uint16_t tag, place_t *out,
			    uint32_t *runs);
uint32_t __wrap_heap_tagged(struct heap *heap, uint32_t run, uint16_t tag, place_t *out,
			    uint32_t *runs);
uint32_t __wrap_heap_tagged(struct heap *heap, uint32_t run, uint16_t tag, place_t *out,
			    uint32_t *runs)
{
	move_when_at(run);
	return __real_heap_tagged(heap, run, tag, out, runs);
}

place_t __real_gift_in(const struct segment *s, uint32_t slab);
place_t __wrap_gift_in(const struct segment *s, uint32_t slab);
place_t __wrap_gift_in(const struct segment *s, uint32_t slab)
{
	move_when_at(slab / SLAB_RUN);
	return __real_gift_in(s, slab);
}

START_TEST(an_entry_that_moves_behind_the_look_is_found)
{
	uint32_t flags;

	for (flags = 0; flags <= KREG_UNREGISTER_PROCESS; flags += KREG_UNREGISTER_PROCESS) {
		static const char large[200];
		char key[16];
		int i;

		open_two(_i);
		/* In an early slab, with room for the other that becomes as large. */
		ck_assert_int_eq(kreg_register(a, "early", KREG_STRING, large, sizeof(large), NULL),
				 0);
		for (i = 0; i < NAMES; i++) {
			snprintf(key, sizeof(key), "%d", i);
			take(a, key);
		}
		take(a, "moves");
		moves = true;
		ck_assert_int_eq(kreg_unregister_all(a, flags), NAMES + 2);
		ck_assert(!moves);
		ck_assert_int_eq(kreg_count(a), 0);
		close_two();
	}
}
END_TEST

/* Registers and updates until told to stop. */
static void *write_names(void *data)
{
	const int *stop = data;
	char key[16], value[600] = { 0 };
	int i;

	for (i = 0; !__atomic_load_n(stop, __ATOMIC_RELAXED); i++) {
		snprintf(key, sizeof(key), "new %d", i % 50);
		kreg_register(b, key, KREG_STRING, value, 1, NULL);
		kreg_update(b, key, KREG_STRING, value, (size_t)i % sizeof(value), NULL, 0);
	}
	return NULL;
}

START_TEST(what_was_there_goes_while_another_thread_writes)
{
	pthread_t thread;
	int round, i, stop = 0;
	char key[16];

	open_two(_i);
	ck_assert_int_eq(pthread_create(&thread, NULL, write_names, &stop), 0);
	for (round = 0; round < 20; round++) {
		for (i = 0; i < 100; i++) {
			snprintf(key, sizeof(key), "old %d", i);
			take(a, key);
		}
		ck_assert_int_ge(kreg_unregister_all(a, round % 2 ? KREG_UNREGISTER_PROCESS : 0),
				 100);
		for (i = 0; i < 100; i++) {
			snprintf(key, sizeof(key), "old %d", i);
			ck_assert_int_eq(holder(key), -ENOENT);
		}
	}
	__atomic_store_n(&stop, 1, __ATOMIC_RELAXED);
	pthread_join(thread, NULL);
	ck_assert_int_ge(kreg_unregister_all(b, KREG_UNREGISTER_PROCESS), 0);
	ck_assert_int_eq(kreg_count(a), 0);
	close_two();
}
END_TEST

static struct kreg *open_many(void)
{
	KREG_OPTIONS(options, .keys = KREG_KEYS_DUPLICATE, .partitions = 4);

	return mode_open_as(mode, "many", &options);
}

/* In whichever partition this process is. */
static int have_duplicates(int link, void *data)
{
	int i;

	(void)data;
	a = open_many();
	b = open_many();
	for (i = 0; i < 10; i++)
		take(i % 2 ? a : b, "key");
	link_say(link, 0);
	link_hear(link);
	link_say(link, kreg_unregister_all(a, 0));
	link_say(link, kreg_unregister_all(a, KREG_UNREGISTER_PROCESS));
	link_hear(link);
	close_two();
	return 0;
}

/* One process in each partition at least. */
START_TEST(entries_under_one_key_go_in_registries_with_duplicate_keys_and_partitions)
{
	struct child children[5];
	struct kreg *k;
	int i;

	mode = _i;
	k = open_many();
	for (i = 0; i < 5; i++)
		children[i] = child_start_ready(have_duplicates, NULL);
	ck_assert_int_eq(kreg_count(k), 50);
	for (i = 0; i < 5; i++) {
		ck_assert_int_eq(child_ask(&children[i], 0), 5);
		ck_assert_int_eq(link_hear(children[i].link), 5);
		ck_assert_int_eq(kreg_count(k), 50 - 10 * (i + 1));
	}
	for (i = 0; i < 5; i++)
		ck_assert_int_eq(child_end(&children[i]), 0);
	kreg_close(k);
}
END_TEST

static int64_t unregister_once(struct kreg *k)
{
	return kreg_unregister(k, "key", KREG_STRING);
}

static int64_t unregister_through_handle(struct kreg *k)
{
	return kreg_unregister_all(k, 0);
}

static int64_t unregister_of_process(struct kreg *k)
{
	return kreg_unregister_all(k, KREG_UNREGISTER_PROCESS);
}

static int64_t close_handle(struct kreg *k)
{
	int64_t count = kreg_count(k);

	kreg_close(k);
	return count;
}

/*
 * Some 5 ms each. To go along all others for each of them takes 5 to 10 seconds: the bound is far
 * from both.
 */
START_TEST(many_entries_under_one_key_go_in_time_in_proportion)
{
	static int64_t (*const ways[])(struct kreg *) = { unregister_once,
							  unregister_through_handle,
							  unregister_of_process, close_handle };
	int64_t began, bound_ms = 700 * (int64_t)unit_slowness();
	uint32_t i, way;
	struct kreg *k;

	mode = _i;
	a = open_many();
	for (way = 0; way < sizeof(ways) / sizeof(*ways); way++) {
		k = open_many();
		for (i = 0; i < MANY; i++)
			unit_assert(!kreg_register(k, "key", KREG_STRING, "v", 1, NULL));
		began = clock_ms();
		ck_assert_int_eq(ways[way](k), MANY);
		ck_assert_int_le(clock_ms() - began, bound_ms);
		ck_assert_int_eq(kreg_count(a), 0);
		if (ways[way] != close_handle)
			kreg_close(k);
	}
	kreg_close(a);
}
END_TEST

static int unregister_in_child(int link, void *data)
{
	(void)link;
	(void)data;
	return kreg_unregister_all(a, KREG_UNREGISTER_PROCESS) != -EOWNERDEAD;
}

START_TEST(a_child_of_fork_and_a_read_only_handle_are_refused)
{
	KREG_OPTIONS(options, .flags = KREG_OPEN_READONLY);
	struct kreg *reader;
	struct child child;

	open_two(_i);
	take(a, "ours");
	child = child_start(unregister_in_child, NULL);
	ck_assert_int_eq(child_end(&child), 0);
	reader = mode_open_as(mode, "all", &options);
	ck_assert_int_eq(kreg_unregister_all(reader, 0), -EROFS);
	ck_assert_int_eq(kreg_unregister_all(reader, KREG_UNREGISTER_PROCESS), -EROFS);
	ck_assert_int_eq(holder("ours"), getpid());
	kreg_close(reader);
	close_two();
}
END_TEST

int main(void)
{
	const TTest *const both[] = {
		what_a_handle_registered_goes_and_the_other_handles_names_stay,
		what_the_process_has_goes_through_either_handle_gifts_included,
		locks_and_meta_stay,
		the_next_in_line_holds_it_and_places_in_lines_go,
		waiters_are_woken_before_the_call_returns,
		listeners_get_an_event_for_each,
		an_entry_that_moves_behind_the_look_is_found,
		what_was_there_goes_while_another_thread_writes,
		entries_under_one_key_go_in_registries_with_duplicate_keys_and_partitions,
		many_entries_under_one_key_go_in_time_in_proportion,
		a_child_of_fork_and_a_read_only_handle_are_refused,
		NULL,
	};

	return modes_run(suite_create("unregister_all"), tcase_create("both"), both, NULL, NULL);
}
