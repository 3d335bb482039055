/* SPDX-License-Identifier: MIT */
/*
 * Names for another process in a registry with partitions. Such a name is in its owner's partition: it is counted and
 * found there, and taken out of the list there, also if the owner has closed the registry meanwhile, or the process
 * that registers it is stopped or killed between two steps.
 *
 * A search goes along the list up to the place that it seeks, and clears away what is over on its way. So that one in
 * another partition does not take the name out by chance, its key is one whose place in the owner's partition is
 * behind those in all others.
 */
#include <check.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/handle/handle.h"
#include "shm/gift.h"
#include "shm/query.h"
#include "tests/support/child.h"
#include "tests/support/events.h"
#include "tests/support/guard.h"
#include "tests/support/halt.h"
#include "tests/support/unit.h"
#include "tests/support/whole.h"

#define PARTITIONS 4u
/* Neither that of searches without an owner, nor that of an owner word of 1. */
#define PARTITION 3u
#define CHILDREN_MAX 16
#define KILLS 25

static struct kreg *k;
static int mode;
static char key[16];

static struct kreg *open_it(void)
{
	KREG_OPTIONS(options, .keys = KREG_KEYS_DUPLICATE, .partitions = PARTITIONS);

	return mode_open_as(mode, "behalf-parts", &options);
}

static order_t order_in(uint32_t partition)
{
	struct query q = table_query(&k->segment, key, strlen(key));

	table_query_partition(&q, partition);
	return q.order;
}

static bool is_behind(uint32_t partition)
{
	uint32_t other;

	for (other = 0; other < PARTITIONS; other++) {
		if (other != partition && !order_is_before(order_in(other), order_in(partition)))
			return false;
	}
	return true;
}

static void choose_key(uint32_t partition)
{
	int i = 0;

	do {
		snprintf(key, sizeof(key), "%d", i++);
	} while (!is_behind(partition));
}

/* Where a process that registers a name for another one halts: before it links it, and before it says so. */
enum place { NOWHERE, AT_LINKING, AT_LINKED };
static int halts_at, ends_at;

static void come_to(enum place place)
{
	if (halts_at == (int)place)
		halt_here();
	if (ends_at == (int)place)
		kill(getpid(), SIGKILL);
}

int __real_table_link(const struct writer *w, const struct query *q, place_t place,
		      enum table_rule rule, struct linked *out);
int __wrap_table_link(const struct writer *w, const struct query *q, place_t place,
		      enum table_rule rule, struct linked *out);
int __wrap_table_link(const struct writer *w, const struct query *q, place_t place,
		      enum table_rule rule, struct linked *out)
{
	come_to(AT_LINKING);
	return __real_table_link(w, q, place, rule, out);
}

void __real_gift_linked(const struct segment *s, const struct gift_made *gift);
void __wrap_gift_linked(const struct segment *s, const struct gift_made *gift);
void __wrap_gift_linked(const struct segment *s, const struct gift_made *gift)
{
	come_to(AT_LINKED);
	__real_gift_linked(s, gift);
}

/* A process that allows others, and closes the registry at an order. */
static int allow(int link, void *data)
{
	struct kreg *own = open_it();

	(void)data;
	unit_assert(!kreg_allow(own, KREG_ALLOW_OTHERS));
	link_say(link, (int64_t)self_of(own).token);
	if (link_hear(link) != INT64_MIN) {
		kreg_close(own);
		link_say(link, 0);
		link_hear(link);
	}
	return 0;
}

static struct child start_in(uint32_t partition, struct kreg_owner *to)
{
	struct child children[CHILDREN_MAX];
	int count = 0, i;

	do {
		ck_assert_int_lt(count, CHILDREN_MAX);
		children[count] = child_start(allow, NULL);
		*to = (struct kreg_owner){ .token = (uint64_t)link_hear(children[count].link) };
	} while (table_partition(&k->segment, to->token) != partition && ++count);
	for (i = 0; i < count; i++)
		child_kill(&children[i]);
	return children[count];
}

/* The process for which the names are, and what the registry has in use without any. */
static struct child child;
static struct kreg_owner to;
static uint64_t before;

static void begin_in(uint32_t partition, int in)
{
	mode = in;
	k = open_it();
	child = start_in(partition, &to);
	choose_key(partition);
	before = bytes_used(k);
}

static void begin(int in)
{
	begin_in(PARTITION, in);
}

static int for_it(const char *value)
{
	return kreg_register_for(k, &to, key, KREG_STRING, value, KREG_STRING, 0, NULL);
}

static void assert_holder(const char *value)
{
	struct kreg_owner owner;
	char room[16];

	ck_assert_int_eq(kreg_lookup(k, key, KREG_STRING, room, sizeof(room), &owner),
			 strlen(value));
	ck_assert_mem_eq(room, value, strlen(value));
	ck_assert_int_eq(owner.pid, child.pid);
}

/* Each way to count, in the list and by the slabs. */
static void assert_has(int count)
{
	struct kreg_owner_facts facts;
	int visited = 0;

	ck_assert_int_eq(kreg_count(k), count);
	ck_assert_int_eq(kreg_owner_facts(k, &to, &facts), 0);
	ck_assert_uint_eq(facts.entries, (uint64_t)count);
	ck_assert_int_eq(kreg_each_of_owner(k, &to, count_entry, &visited), 0);
	ck_assert_int_eq(visited, count);
	assert_whole(k);
}

/* First the list: a sweep that gives the memory back must have taken what is over out of it. */
static void assert_nothing_is_left(void)
{
	ck_assert_int_ge(kreg_sweep(k), 0);
	assert_whole(k);
	ck_assert_int_eq(kreg_count(k), 0);
	ck_assert_uint_eq(bytes_used(k), before);
	assert_whole(k);
}

static void end(void)
{
	kreg_close(k);
}

START_TEST(names_are_registered_updated_and_unregistered_in_each_partition)
{
	uint32_t partition;

	for (partition = 0; partition < PARTITIONS; partition++) {
		begin_in(partition, _i);
		ck_assert_int_eq(for_it("one"), 0);
		assert_has(1);
		assert_holder("one");
		ck_assert_int_eq(for_it("two"), 0);
		assert_has(2);
		assert_holder("two");
		ck_assert_int_eq(kreg_update_for(k, &to, key, KREG_STRING, "three", 5), 0);
		assert_has(2);
		assert_holder("three");
		ck_assert_int_eq(kreg_unregister_for(k, &to, key, KREG_STRING), 2);
		assert_has(0);
		assert_nothing_is_left();
		child_kill(&child);
		end();
	}
}
END_TEST

START_TEST(a_name_whose_owner_dies_is_taken_out_of_its_partition)
{
	begin(_i);
	ck_assert_int_eq(for_it("one"), 0);
	child_kill(&child);
	assert_nothing_is_left();
	end();
}
END_TEST

static void assert_event(struct kreg_listener *listener, uint32_t type)
{
	struct kreg_event event = event_wait(listener);

	ck_assert_uint_eq(event.type, type);
	ck_assert_int_eq(event.entry.owner.pid, child.pid);
	ck_assert_uint_eq(event.entry.key_size, strlen(key));
	ck_assert_mem_eq(event.entry.key, key, strlen(key));
}

START_TEST(a_name_whose_owner_closes_is_taken_out_of_its_partition)
{
	struct kreg_listener *listener;

	begin(_i);
	ck_assert_int_eq(kreg_listen(&listener, k, NULL, 0), 0);
	ck_assert_int_eq(for_it("one"), 0);
	assert_event(listener, KREG_EVENT_REGISTER);
	ck_assert_int_eq(child_ask(&child, 0), 0);
	assert_whole(k);
	assert_event(listener, KREG_EVENT_UNREGISTER);
	event_none(listener);
	kreg_listener_close(listener);
	assert_nothing_is_left();
	child_kill(&child);
	end();
}
END_TEST

struct halting {
	enum place at, ends;
	enum halt how;
};

/* Registers the name, says what came of it, and halts as @data says. */
static int register_and_halt(int link, void *data)
{
	const struct halting *halting = data;
	struct kreg *own = open_it();

	halts_at = halting->at;
	ends_at = halting->ends;
	halt_at(halting->how, 1);
	link_say(link, kreg_register_for(own, &to, key, KREG_STRING, "one", 3, 0, NULL));
	link_hear(link);
	kreg_close(own);
	return 0;
}

static struct child start_halting(struct halting halting)
{
	struct child helper;

	halt_new();
	helper = child_start(register_and_halt, &halting);
	halt_await();
	if (halting.how == HALT_STOP)
		child_await_stop(&helper);
	else
		child_end(&helper);
	return helper;
}

START_TEST(a_name_that_was_linked_stays_when_who_registered_it_is_killed)
{
	begin(_i);
	start_halting((struct halting){ .at = AT_LINKED, .how = HALT_KILL });
	assert_holder("one");
	ck_assert_int_ge(kreg_sweep(k), 0);
	assert_whole(k);
	assert_holder("one");
	assert_has(1);
	ck_assert_int_eq(kreg_update_for(k, &to, key, KREG_STRING, "two", 3), 0);
	assert_has(1);
	child_kill(&child);
	assert_nothing_is_left();
	end();
}
END_TEST

START_TEST(a_name_that_was_not_linked_goes_with_who_registered_it)
{
	begin(_i);
	start_halting((struct halting){ .at = AT_LINKING, .how = HALT_KILL });
	assert_has(0);
	assert_nothing_is_left();
	child_kill(&child);
	end();
}
END_TEST

static void owner_closes_while_helper_is_at(enum place place)
{
	struct child helper = start_halting((struct halting){ .at = place, .how = HALT_STOP });

	ck_assert_int_eq(child_ask(&child, 0), 0);
	assert_whole(k);
	kill(helper.pid, SIGCONT);
	ck_assert_int_eq(link_hear(helper.link), 0);
	ck_assert_int_eq(kreg_lookup(k, key, KREG_STRING, NULL, 0, NULL), -ENOENT);
	/* As it was linked, and as a sweep leaves it. */
	assert_whole(k);
	ck_assert_int_ge(kreg_sweep(k), 0);
	assert_whole(k);
	child_end(&helper);
	assert_nothing_is_left();
}

START_TEST(a_name_that_is_linked_after_its_owner_has_closed_is_taken_out_of_its_partition)
{
	begin(_i);
	owner_closes_while_helper_is_at(AT_LINKING);
	child_kill(&child);
	end();
}
END_TEST

START_TEST(a_name_that_is_linked_while_its_owner_closes_is_taken_out_of_its_partition)
{
	begin(_i);
	owner_closes_while_helper_is_at(AT_LINKED);
	child_kill(&child);
	end();
}
END_TEST

START_TEST(one_whose_maker_is_killed_then_is_taken_out_of_its_partition)
{
	struct child helper;

	begin(_i);
	helper = start_halting(
		(struct halting){ .at = AT_LINKING, .how = HALT_STOP, .ends = AT_LINKED });
	ck_assert_int_eq(child_ask(&child, 0), 0);
	kill(helper.pid, SIGCONT);
	child_end(&helper);
	assert_whole(k);
	assert_nothing_is_left();
	child_kill(&child);
	end();
}
END_TEST

/* Registers, updates and unregisters for the child until it is killed. */
static int help_on(int link, void *data)
{
	struct kreg *own = open_it();
	char other[16];
	int i;

	(void)data;
	link_say(link, 0);
	for (i = 0;; i++) {
		snprintf(other, sizeof(other), "%d", i % 3);
		kreg_register_for(own, &to, other, KREG_STRING, "first", 5, 0, NULL);
		kreg_register_for(own, &to, other, KREG_STRING, "first", 5, 0, NULL);
		kreg_update_for(own, &to, other, KREG_STRING, "second", 6);
		if (i % 4)
			kreg_unregister_for(own, &to, other, KREG_STRING);
	}
	return 0;
}

static int check_value(const struct kreg_entry *entry, void *data)
{
	ck_assert_int_eq(entry->owner.pid, child.pid);
	ck_assert((entry->value_size == 5 && !memcmp(entry->value, "first", 5)) ||
		  (entry->value_size == 6 && !memcmp(entry->value, "second", 6)));
	(*(int *)data)++;
	return 0;
}

START_TEST(killed_helpers_leave_whole_names_and_no_memory)
{
	static const char *const others[] = { "0", "1", "2" };
	int kills, i, visited;

	begin(_i);
	for (kills = 0; kills < KILLS; kills++) {
		struct child helper = child_start_ready(help_on, NULL);

		for (i = 0; i < 100 + kills * 7; i++) {
			visited = 0;
			ck_assert_int_eq(kreg_each(k, NULL, 0, check_value, &visited), 0);
		}
		child_kill(&helper);
		ck_assert_int_ge(kreg_sweep(k), 0);
		visited = 0;
		ck_assert_int_eq(kreg_each(k, NULL, 0, check_value, &visited), 0);
		assert_has(visited);
	}
	for (i = 0; i < 3; i++)
		ck_assert_int_ge(kreg_unregister_for(k, &to, others[i], KREG_STRING), 0);
	assert_nothing_is_left();
	child_kill(&child);
	end();
}
END_TEST

int main(void)
{
	const TTest *const both[] = {
		names_are_registered_updated_and_unregistered_in_each_partition,
		a_name_whose_owner_dies_is_taken_out_of_its_partition,
		a_name_whose_owner_closes_is_taken_out_of_its_partition,
		a_name_that_was_linked_stays_when_who_registered_it_is_killed,
		a_name_that_was_not_linked_goes_with_who_registered_it,
		a_name_that_is_linked_after_its_owner_has_closed_is_taken_out_of_its_partition,
		a_name_that_is_linked_while_its_owner_closes_is_taken_out_of_its_partition,
		one_whose_maker_is_killed_then_is_taken_out_of_its_partition,
		killed_helpers_leave_whole_names_and_no_memory,
		NULL,
	};

	return modes_run(suite_create("behalf-parts"), tcase_create("both"), both, NULL, NULL);
}
