/* SPDX-License-Identifier: MIT */
/*
 * Owners that are dropped when their name is taken over, and owners that change the flags of
 * their entry: what they, the taker, waiters, visitors, counts and listeners see.
 */
#include <check.h>
#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include "tests/support/child.h"
#include "tests/support/events.h"
#include "tests/support/guard.h"

#define REPLACEABLE KREG_REGISTER_REPLACEABLE
#define DROP (KREG_REGISTER_REPLACEABLE | KREG_REGISTER_DROP)

static struct kreg *k;
static int mode;

static void begin(int in)
{
	mode = in;
	k = mode_open(in, "flags");
}

/* What the children do with "key" when they are asked; each answers with the result. */
enum order { LEAVE, UPDATE, GET, SET = 1000, CLAIM = 2000 }; /* SET, CLAIM: and the flags */

static int64_t get_flags(struct kreg *own)
{
	uint32_t flags = 0;
	int ahead = kreg_get_flags(own, "key", KREG_STRING, &flags);

	return ahead < 0 ? ahead : ahead * 100 + (int)flags;
}

static int64_t obey(struct kreg *own, int64_t order)
{
	if (order >= CLAIM)
		return kreg_register_with(own, "key", KREG_STRING, "c", 1,
					  (uint32_t)(order - CLAIM), NULL);
	if (order >= SET)
		return kreg_set_flags(own, "key", KREG_STRING, (uint32_t)(order - SET));
	if (order == UPDATE)
		return kreg_update(own, "key", KREG_STRING, "updated", 7, NULL, 0);
	if (order == GET)
		return get_flags(own);
	return kreg_unregister(own, "key", KREG_STRING);
}

static int serve(int link, void *data)
{
	struct kreg *own = mode_open(mode, "flags");
	int64_t order;

	(void)data;
	link_say(link, 0);
	while ((order = link_hear(link)) != INT64_MIN)
		link_say(link, obey(own, order));
	return 0;
}

static struct child start(uint32_t flags, int64_t result)
{
	struct child child = child_start_ready(serve, NULL);

	ck_assert_int_eq(child_ask(&child, CLAIM + flags), result);
	return child;
}

static void assert_holds(pid_t pid)
{
	struct kreg_owner owner;
	char value[16];

	ck_assert_int_gt(kreg_lookup(k, "key", KREG_STRING, value, sizeof(value), &owner), 0);
	ck_assert_int_eq(owner.pid, pid);
}

static int count_entry(const struct kreg_entry *entry, void *data)
{
	(void)entry;
	++*(int *)data;
	return 0;
}

/* By each way in which entries are counted. */
static void assert_entries(int count)
{
	KREG_PATTERN(by_prefix, .prefix = "ke", .prefix_size = 2);
	int visited = 0;

	ck_assert_int_eq(kreg_each_of_key(k, "key", KREG_STRING, count_entry, &visited), 0);
	ck_assert_int_eq(visited, count);
	ck_assert_int_eq(kreg_count_select(k, &by_prefix), count);
	ck_assert_int_eq(kreg_count(k), count);
}

static void assert_event(struct kreg_listener *listener, uint32_t type, pid_t pid)
{
	struct kreg_event event = event_wait(listener);

	ck_assert_uint_eq(event.type, type);
	ck_assert_int_eq(event.entry.owner.pid, pid);
}

static void assert_silence(struct kreg_listener *listener)
{
	struct kreg_event event;

	ck_assert_int_eq(kreg_listener_next(listener, &event), 0);
}

static int take(uint32_t flags)
{
	return kreg_register_with(k, "key", KREG_STRING, "mine", 4, KREG_REGISTER_REPLACE | flags,
				  NULL);
}

START_TEST(a_holder_that_is_dropped_has_no_entry)
{
	struct kreg_listener *listener;
	struct kreg_owner owner;
	struct child child;
	int visited = 0;

	begin(_i);
	ck_assert_int_eq(kreg_listen(&listener, k, NULL, 0), 0);
	child = start(DROP, 0);
	assert_event(listener, KREG_EVENT_REGISTER, child.pid);
	assert_entries(1);
	ck_assert_int_eq(child_ask(&child, GET), DROP);
	ck_assert_int_eq(kreg_whereis(k, "key", KREG_STRING, &owner), 0);
	ck_assert_int_eq(kreg_register(k, "key", KREG_STRING, "mine", 4, NULL), -EEXIST);

	ck_assert_int_eq(take(0), 0);
	assert_holds(getpid());
	assert_entries(1);
	ck_assert_int_eq(kreg_each_of_owner(k, &owner, count_entry, &visited), 0);
	ck_assert_int_eq(visited, 0);
	assert_event(listener, KREG_EVENT_UNREGISTER, child.pid);
	assert_event(listener, KREG_EVENT_REGISTER, getpid());
	assert_silence(listener);
	ck_assert_int_eq(child_ask(&child, UPDATE), -EPERM);
	ck_assert_int_eq(child_ask(&child, GET), -EPERM);
	ck_assert_int_eq(child_ask(&child, SET + REPLACEABLE), -EPERM);
	ck_assert_int_eq(child_ask(&child, LEAVE), 0);

	/* Nobody is next in line. */
	ck_assert_int_eq(kreg_unregister(k, "key", KREG_STRING), 1);
	ck_assert_int_eq(kreg_whereis(k, "key", KREG_STRING, &owner), -ENOENT);
	assert_event(listener, KREG_EVENT_UNREGISTER, getpid());
	assert_entries(0);
	child_kill(&child);
	assert_silence(listener);
	kreg_listener_close(listener);
	kreg_close(k);
}
END_TEST

START_TEST(those_in_line_stay_and_the_taker_is_in_line_once)
{
	struct child first, second;

	begin(_i);
	first = start(DROP, 0);
	second = start(KREG_REGISTER_QUEUE, KREG_WAITING);
	ck_assert_int_eq(
		kreg_register_with(k, "key", KREG_STRING, "mine", 4, KREG_REGISTER_QUEUE, NULL),
		KREG_WAITING);
	ck_assert_int_eq(child_ask(&second, GET), 100);
	assert_entries(3);
	ck_assert_int_eq(take(DROP), 0);
	assert_holds(getpid());
	assert_entries(2);
	ck_assert_int_eq(get_flags(k), DROP);
	ck_assert_int_eq(child_ask(&second, GET), 100);

	/* Dropped in its turn, by one that waited. */
	ck_assert_int_eq(child_ask(&second, CLAIM + KREG_REGISTER_REPLACE), 0);
	assert_holds(second.pid);
	assert_entries(1);
	ck_assert_int_eq(get_flags(k), -EPERM);
	ck_assert_int_eq(take(0), -EEXIST);
	ck_assert_int_eq(child_ask(&first, CLAIM + KREG_REGISTER_QUEUE + DROP), KREG_WAITING);
	child_kill(&second);
	assert_holds(first.pid);
	ck_assert_int_eq(take(0), 0);
	child_kill(&first);
	assert_holds(getpid());
	assert_entries(1);
	kreg_close(k);
}
END_TEST

START_TEST(what_a_dropped_owner_updates_or_gives_is_dropped_as_well)
{
	struct kreg_owner owner;
	struct child child, other;
	char value[16];

	begin(_i);
	child = start(DROP, 0);
	ck_assert_int_eq(child_ask(&child, UPDATE), 1);
	ck_assert_int_eq(child_ask(&child, GET), DROP);
	ck_assert_int_eq(kreg_lookup(k, "key", KREG_STRING, value, sizeof(value), &owner), 7);
	ck_assert_int_eq(take(DROP), 0);
	other = child_start_ready(serve, NULL);
	ck_assert_int_eq(child_ask(&other, CLAIM), -EEXIST);
	ck_assert_int_eq(kreg_give(k, "key", KREG_STRING, &owner), 0);
	assert_holds(child.pid);
	ck_assert_int_eq(child_ask(&child, GET), DROP);
	ck_assert_int_eq(child_ask(&other, CLAIM + KREG_REGISTER_REPLACE), 0);
	assert_holds(other.pid);
	assert_entries(1);
	child_kill(&child);
	child_kill(&other);
	kreg_close(k);
}
END_TEST

START_TEST(flags_change_in_place_and_without_an_event)
{
	const uint32_t all[] = { REPLACEABLE, DROP, 0, DROP, REPLACEABLE, 0 };
	struct kreg_listener *listener;
	struct child child, third;
	int64_t number = 41;
	size_t i;

	begin(_i);
	ck_assert_int_eq(kreg_register(k, "key", KREG_STRING, &number, 8, NULL), 0);
	ck_assert_int_eq(kreg_listen(&listener, k, NULL, 0), 0);
	child = start(KREG_REGISTER_QUEUE, KREG_WAITING);
	third = start(KREG_REGISTER_QUEUE, KREG_WAITING);
	for (i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		ck_assert_int_eq(kreg_set_flags(k, "key", KREG_STRING, all[i]), 0);
		ck_assert_int_eq(get_flags(k), all[i]);
		ck_assert_int_eq(child_ask(&child, SET + all[i]), KREG_WAITING);
		ck_assert_int_eq(child_ask(&child, SET + all[i]), KREG_WAITING);
		ck_assert_int_eq(child_ask(&child, GET), 100 + all[i]);
		ck_assert_int_eq(child_ask(&third, GET), 200);
		ck_assert_int_eq(kreg_counter_add(k, "key", KREG_STRING, 1, &number), 0);
		ck_assert_int_eq(number, 42 + (int64_t)i);
		assert_holds(getpid());
		assert_entries(3);
	}
	assert_silence(listener);
	/* The listener knows the entries at their new places. */
	ck_assert_int_eq(kreg_unregister(k, "key", KREG_STRING), 1);
	assert_event(listener, KREG_EVENT_UNREGISTER, getpid());
	assert_event(listener, KREG_EVENT_REGISTER, child.pid);
	assert_silence(listener);
	child_kill(&child);
	child_kill(&third);
	kreg_listener_close(listener);
	kreg_close(k);
}
END_TEST

/* The flags of the entry at each position of the line. */
static int note_flags(const struct kreg_entry *entry, void *data)
{
	ck_assert_uint_lt(entry->position, 3);
	((uint32_t *)data)[entry->position] = entry->flags;
	return 0;
}

static int note_own_flags(const struct kreg_entry *entry, void *data)
{
	*(uint32_t *)data = entry->flags;
	return 0;
}

START_TEST(visitors_of_any_process_see_the_flags)
{
	uint32_t seen[3] = { 9, 9, 9 }, own = 9;
	struct kreg_listener *listener;
	struct kreg_event event;
	struct child first, second;

	begin(_i);
	first = start(REPLACEABLE, 0);
	second = start(KREG_REGISTER_QUEUE, KREG_WAITING);
	ck_assert_int_eq(kreg_register_with(k, "key", KREG_STRING, "mine", 4,
					    KREG_REGISTER_QUEUE | DROP, NULL),
			 KREG_WAITING);
	ck_assert_int_eq(kreg_each(k, NULL, 0, note_flags, seen), 0);
	ck_assert_uint_eq(seen[0], REPLACEABLE);
	ck_assert_uint_eq(seen[1], 0);
	ck_assert_uint_eq(seen[2], DROP);
	ck_assert_int_eq(child_ask(&first, SET + DROP), 0);
	ck_assert_int_eq(child_ask(&second, SET + REPLACEABLE), KREG_WAITING);
	ck_assert_int_eq(kreg_each_of_key(k, "key", KREG_STRING, note_flags, seen), 0);
	ck_assert_uint_eq(seen[0], DROP);
	ck_assert_uint_eq(seen[1], REPLACEABLE);
	ck_assert_int_eq(kreg_dispatch(k, "key", KREG_STRING, note_flags, seen), 1);
	ck_assert_int_eq(kreg_unregister_match(k, "key", KREG_STRING, note_own_flags, &own), 0);
	ck_assert_uint_eq(own, DROP);
	/* No record has them, so no event does. */
	ck_assert_int_eq(kreg_listen(&listener, k, NULL, KREG_LISTEN_KNOWN), 0);
	ck_assert_int_eq(kreg_listener_next(listener, &event), 1);
	ck_assert_uint_eq(event.entry.flags, 0);
	kreg_listener_close(listener);
	child_kill(&second);
	child_kill(&first);
	kreg_close(k);
}
END_TEST

START_TEST(the_new_flags_are_what_a_taker_meets)
{
	struct child child;

	begin(_i);
	child = start(0, 0);
	ck_assert_int_eq(take(0), -EEXIST);
	ck_assert_int_eq(child_ask(&child, SET + REPLACEABLE), 0);
	ck_assert_int_eq(take(REPLACEABLE), 0);
	ck_assert_int_eq(child_ask(&child, GET), 100 + REPLACEABLE);
	ck_assert_int_eq(child_ask(&child, CLAIM + KREG_REGISTER_REPLACE), 0);
	ck_assert_int_eq(get_flags(k), 100 + REPLACEABLE);
	ck_assert_int_eq(child_ask(&child, SET + DROP), 0);
	ck_assert_int_eq(take(0), 0);
	ck_assert_int_eq(child_ask(&child, GET), -EPERM);
	assert_entries(1);
	child_kill(&child);
	kreg_close(k);
}
END_TEST

START_TEST(what_may_not_be_is_refused)
{
	KREG_OPTIONS(duplicate, .keys = KREG_KEYS_DUPLICATE);
	static char large[KREG_VALUE_MAX];
	struct kreg *many;
	uint32_t flags;

	begin(_i);
	ck_assert_int_eq(
		kreg_register_with(k, "key", KREG_STRING, "v", 1, KREG_REGISTER_DROP, NULL),
		-EINVAL);
	ck_assert_int_eq(kreg_register_with(k, "key", KREG_STRING, "v", 1,
					    DROP | KREG_REGISTER_RESERVED, NULL),
			 -EINVAL);
	ck_assert_int_eq(
		kreg_register_with(k, "key", KREG_STRING, large, sizeof(large), DROP, NULL),
		-EMSGSIZE);
	ck_assert_int_eq(kreg_set_flags(k, "key", KREG_STRING, 0), -ENOENT);
	ck_assert_int_eq(kreg_get_flags(k, "key", KREG_STRING, &flags), -ENOENT);
	ck_assert_int_eq(
		kreg_register_with(k, "key", KREG_STRING, NULL, 0, KREG_REGISTER_RESERVED, NULL),
		0);
	ck_assert_int_eq(kreg_set_flags(k, "key", KREG_STRING, REPLACEABLE), -ENOENT);
	ck_assert_int_eq(get_flags(k), KREG_REGISTER_RESERVED);
	ck_assert_int_eq(kreg_publish(k, "key", KREG_STRING, large, sizeof(large)), 0);
	ck_assert_int_eq(kreg_set_flags(k, "key", KREG_STRING, KREG_REGISTER_DROP), -EINVAL);
	ck_assert_int_eq(kreg_set_flags(k, "key", KREG_STRING, KREG_REGISTER_QUEUE), -EINVAL);
	ck_assert_int_eq(kreg_set_flags(k, "key", KREG_STRING, DROP), -EMSGSIZE);
	ck_assert_int_eq(kreg_set_flags(k, "key", KREG_STRING, REPLACEABLE), 0);
	ck_assert_int_eq(kreg_lookup(k, "key", KREG_STRING, NULL, 0, NULL), KREG_VALUE_MAX);
	kreg_close(k);

	many = mode_open_as(_i, "many", &duplicate);
	ck_assert_int_eq(kreg_register_with(many, "key", KREG_STRING, "v", 1, DROP, NULL), -EINVAL);
	ck_assert_int_eq(kreg_register(many, "key", KREG_STRING, "v", 1, NULL), 0);
	ck_assert_int_eq(kreg_set_flags(many, "key", KREG_STRING, REPLACEABLE), -EINVAL);
	kreg_close(many);
}
END_TEST

/* So few that a listener that is not run meanwhile misses none. */
#define TAKES 60
#define ROUNDS 80

/* Takes "key" over and over, and changes what it has of it in between. */
static int64_t take_some(struct kreg *own)
{
	int64_t got;
	int i;

	for (i = 0; i < TAKES; i++) {
		got = obey(own, CLAIM + KREG_REGISTER_REPLACE + (i % 3 ? DROP : REPLACEABLE));
		if (got && got != -EEXIST)
			return got;
		got = obey(own, i % 5 ? UPDATE : SET + (i % 2 ? DROP : REPLACEABLE));
		if (got < 0 && got != -EPERM)
			return got;
	}
	return 0;
}

static int take_on(int link, void *data)
{
	struct kreg *own = mode_open(mode, "flags");

	(void)data;
	link_say(link, 0);
	while (link_hear(link) != INT64_MIN)
		link_say(link, take_some(own));
	return 0;
}

static bool link_can_hear(int link)
{
	struct pollfd said = { .fd = link, .events = POLLIN };

	return poll(&said, 1, 0) == 1;
}

/* A copy of the table that is made of events: the process that holds "key", 0: nobody. */
static pid_t follow(struct kreg_listener *listener, pid_t holder)
{
	struct kreg_event event;

	while (kreg_listener_next(listener, &event) == 1) {
		ck_assert_uint_ne(event.type, KREG_EVENT_OVERRUN);
		if (event.type == KREG_EVENT_REGISTER || event.type == KREG_EVENT_TAKEN) {
			ck_assert_int_eq(holder, event.from.pid);
			holder = event.entry.owner.pid;
		} else {
			ck_assert_int_eq(event.entry.owner.pid, holder);
			if (event.type != KREG_EVENT_UPDATE)
				holder = 0;
		}
	}
	return holder;
}

/* Until @child has answered: the name is held, and the listener follows. */
static pid_t follow_until(struct child *child, struct kreg_listener *listener, pid_t holder)
{
	struct kreg_owner owner;
	int64_t got;

	do {
		got = kreg_whereis(k, "key", KREG_STRING, &owner);
		ck_assert(got == 0 || got == -EAGAIN);
		got = kreg_count(k);
		ck_assert(got == -EAGAIN || (got >= 0 && got <= 4));
		holder = follow(listener, holder);
	} while (!link_can_hear(child->link));
	ck_assert_int_eq(link_hear(child->link), 0);
	return holder;
}

START_TEST(while_owners_take_a_name_over_it_is_never_free)
{
	struct child children[3];
	struct kreg_listener *listener;
	struct kreg_owner owner;
	pid_t holder = 0;
	int i, round;

	begin(_i);
	ck_assert_int_eq(kreg_listen(&listener, k, NULL, 0), 0);
	for (i = 0; i < 3; i++)
		children[i] = child_start_ready(take_on, NULL);
	ck_assert_int_eq(kreg_register_with(k, "key", KREG_STRING, "c", 1, DROP, NULL), 0);
	for (round = 0; round < ROUNDS; round++) {
		for (i = 0; i < 3; i++)
			link_say(children[i].link, 0);
		for (i = 0; i < 3; i++)
			holder = follow_until(&children[i], listener, holder);
		holder = follow(listener, holder);
		ck_assert_int_eq(kreg_whereis(k, "key", KREG_STRING, &owner), 0);
		ck_assert_int_eq(holder, owner.pid);
	}
	for (i = 0; i < 3; i++)
		ck_assert_int_eq(child_end(&children[i]), 0);
	ck_assert_int_ge(kreg_sweep(k), 0);
	ck_assert_int_le(kreg_unregister(k, "key", KREG_STRING), 1);
	assert_entries(0);
	kreg_listener_close(listener);
	kreg_close(k);
}
END_TEST

int main(void)
{
	const TTest *const both[] = {
		a_holder_that_is_dropped_has_no_entry,
		those_in_line_stay_and_the_taker_is_in_line_once,
		what_a_dropped_owner_updates_or_gives_is_dropped_as_well,
		flags_change_in_place_and_without_an_event,
		visitors_of_any_process_see_the_flags,
		the_new_flags_are_what_a_taker_meets,
		what_may_not_be_is_refused,
		while_owners_take_a_name_over_it_is_never_free,
		NULL,
	};

	return modes_run(suite_create("flags"), tcase_create("both"), both, NULL, NULL);
}
