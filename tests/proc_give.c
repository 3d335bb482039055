/* SPDX-License-Identifier: MIT */
/*
 * A given name moves from one living owner to another in one step, with its memory,
 * whichever of them is killed at any moment.
 */
#include <check.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "shm/land.h"
#include "tests/support/child.h"
#include "tests/support/events.h"
#include "tests/support/guard.h"
#include "tests/support/unit.h"
#include "tests/support/whole.h"

#define KILLS 100

static struct kreg *k;
static int mode;

static void open_mode(int in)
{
	mode = in;
	k = mode_open(in, "give");
}

/*
 * A child's orders: 1 give "name" to the parent, 2 unregister, 3 update, 4 close, 5 give
 * it back.
 */
static int obey(int link, void *data)
{
	const struct kreg_owner *parent = data;
	struct kreg *own = mode_open(mode, "give");
	struct kreg_owner self = self_of(own);
	int64_t order;

	link_say(link, (int64_t)self.token);
	while ((order = link_hear(link)) != INT64_MIN) {
		if (order == 0)
			link_say(link, kreg_register(own, "name", KREG_STRING, "value", 5, NULL));
		else if (order == 1)
			link_say(link, kreg_give(own, "name", KREG_STRING, parent));
		else if (order == 2)
			link_say(link, kreg_unregister(own, "name", KREG_STRING));
		else if (order == 3)
			link_say(link, kreg_update(own, "name", KREG_STRING, "new", 3, NULL, 0));
		else
			kreg_close(own), link_say(link, 0);
	}
	return 0;
}

static void tell(struct child *child, int64_t order, int64_t result)
{
	ck_assert_int_eq(child_ask(child, order), result);
}

static void assert_holder(pid_t pid, const char *value)
{
	struct kreg_owner owner;
	char room[16];

	ck_assert_int_eq(kreg_lookup(k, "name", KREG_STRING, room, sizeof(room), &owner),
			 strlen(value));
	ck_assert_mem_eq(room, value, strlen(value));
	ck_assert_int_eq(owner.pid, pid);
}

START_TEST(a_given_name_belongs_to_the_receiver_with_all_rights)
{
	struct kreg_owner parent, to = { 0 };
	struct child child;
	uint64_t before;

	open_mode(_i);
	parent = self_of(k);
	before = bytes_used(k);
	child = child_start(obey, &parent);
	to.token = (uint64_t)link_hear(child.link);
	tell(&child, 1, -ENOENT);
	tell(&child, 0, 0);
	ck_assert_int_eq(kreg_give(k, "name", KREG_STRING, &to), -EPERM);
	tell(&child, 1, 0);
	assert_holder(getpid(), "value");
	tell(&child, 1, -EPERM);
	tell(&child, 2, 0);
	assert_count(k, 1);
	/* The giver may die. */
	child_kill(&child);
	assert_holder(getpid(), "value");
	assert_count(k, 1);
	ck_assert_int_eq(kreg_update(k, "name", KREG_STRING, "mine", 4, NULL, 0), 5);
	assert_holder(getpid(), "mine");
	assert_count(k, 1);
	ck_assert_int_eq(kreg_give(k, "name", KREG_STRING, &to), -ESRCH);

	child = child_start(obey, &parent);
	to.token = (uint64_t)link_hear(child.link);
	ck_assert_int_eq(kreg_give(k, "name", KREG_STRING, &to), 0);
	assert_holder(child.pid, "mine");
	tell(&child, 3, 4);
	assert_holder(child.pid, "new");
	tell(&child, 1, 0);
	ck_assert_int_eq(kreg_unregister(k, "name", KREG_STRING), 1);
	assert_count(k, 0);
	/* Nothing is left of a gift whose owner died or closed. */
	ck_assert_int_eq(kreg_register(k, "name", KREG_STRING, NULL, 0, NULL), 0);
	ck_assert_int_eq(kreg_give(k, "name", KREG_STRING, &to), 0);
	tell(&child, 4, 0);
	assert_count(k, 0);
	child_kill(&child);
	child = child_start(obey, &parent);
	to.token = (uint64_t)link_hear(child.link);
	ck_assert_int_eq(kreg_register(k, "name", KREG_STRING, NULL, 0, NULL), 0);
	ck_assert_int_eq(kreg_give(k, "name", KREG_STRING, &to), 0);
	child_kill(&child);
	assert_count(k, 0);
	ck_assert_uint_eq(bytes_used(k), before);
	kreg_close(k);
}
END_TEST

static struct kreg_listener *listener;

static void listen_to(const struct kreg_pattern *pattern)
{
	ck_assert_int_eq(kreg_listen(&listener, k, pattern, 0), 0);
}

/* The next event; @from: 0: it is neither given nor taken. */
static void assert_event(uint32_t type, pid_t pid, pid_t from)
{
	struct kreg_event event = event_wait(listener);

	ck_assert_uint_eq(event.type, type);
	ck_assert_int_eq(event.entry.owner.pid, pid);
	ck_assert_int_eq(event.from.pid, from);
	ck_assert_int_eq(event.from.token != 0, from != 0);
	ck_assert_mem_eq(event.entry.key, "name", 4);
}

static void assert_silence(void)
{
	struct kreg_event event;

	ck_assert_int_eq(kreg_listener_next(listener, &event), 0);
}

START_TEST(a_gift_is_one_event_with_both_owners)
{
	struct kreg_owner parent, to = { 0 };
	struct child child;

	open_mode(_i);
	parent = self_of(k);
	child = child_start(obey, &parent);
	to.token = (uint64_t)link_hear(child.link);
	tell(&child, 0, 0);
	listen_to(NULL);
	tell(&child, 1, 0);
	assert_event(KREG_EVENT_GIVEN, getpid(), child.pid);
	assert_silence();
	/* Before it is heard, the receiver changes it, gives it back, and that one changes it too. */
	ck_assert_int_ge(kreg_update(k, "name", KREG_STRING, "w", 1, NULL, 0), 0);
	ck_assert_int_eq(kreg_give(k, "name", KREG_STRING, &to), 0);
	tell(&child, 3, 1);
	tell(&child, 1, 0);
	ck_assert_int_eq(kreg_unregister(k, "name", KREG_STRING), 1);
	assert_event(KREG_EVENT_UPDATE, getpid(), 0);
	assert_event(KREG_EVENT_GIVEN, child.pid, getpid());
	assert_event(KREG_EVENT_UPDATE, child.pid, 0);
	assert_event(KREG_EVENT_GIVEN, getpid(), child.pid);
	assert_event(KREG_EVENT_UNREGISTER, getpid(), 0);
	assert_silence();
	/* The receiver closes. */
	ck_assert_int_eq(kreg_register(k, "name", KREG_STRING, "v", 1, NULL), 0);
	assert_event(KREG_EVENT_REGISTER, getpid(), 0);
	ck_assert_int_eq(kreg_give(k, "name", KREG_STRING, &to), 0);
	assert_event(KREG_EVENT_GIVEN, child.pid, getpid());
	tell(&child, 4, 0);
	ck_assert_int_eq(event_wait(listener).entry.owner.pid, child.pid);
	assert_silence();
	child_kill(&child);
	kreg_listener_close(listener);
	kreg_close(k);
}
END_TEST

START_TEST(a_listener_to_one_owner_gets_the_end_or_the_beginning)
{
	struct kreg_listener *to_parent, *to_child;
	struct kreg_owner parent, other = { 0 };
	struct child child;

	open_mode(_i);
	parent = self_of(k);
	child = child_start(obey, &parent);
	other.token = (uint64_t)link_hear(child.link);
	listen_to(&(struct kreg_pattern){ .size = sizeof(struct kreg_pattern), .owner = &parent });
	to_parent = listener;
	listen_to(&(struct kreg_pattern){ .size = sizeof(struct kreg_pattern), .owner = &other });
	to_child = listener;
	tell(&child, 0, 0);
	assert_event(KREG_EVENT_REGISTER, child.pid, 0);
	tell(&child, 1, 0);
	assert_event(KREG_EVENT_UNREGISTER, child.pid, 0);
	assert_silence();
	listener = to_parent;
	assert_event(KREG_EVENT_REGISTER, getpid(), 0);
	assert_silence();
	child_kill(&child);
	kreg_listener_close(to_parent);
	kreg_listener_close(to_child);
	kreg_close(k);
}
END_TEST

START_TEST(a_receiver_that_waits_for_the_name_keeps_its_place_in_the_line)
{
	struct kreg_owner parent;
	struct child child;

	open_mode(_i);
	parent = self_of(k);
	child = child_start(obey, &parent);
	link_hear(child.link);
	tell(&child, 0, 0);
	ck_assert_int_eq(
		kreg_register_with(k, "name", KREG_STRING, "line", 4, KREG_REGISTER_QUEUE, NULL),
		KREG_WAITING);
	tell(&child, 1, 0);
	assert_holder(getpid(), "value");
	ck_assert_int_eq(kreg_update(k, "name", KREG_STRING, "mine", 4, NULL, 0), 5);
	assert_holder(getpid(), "mine");
	assert_count(k, 2);
	ck_assert_int_eq(kreg_check(k, NULL, NULL), 0);
	ck_assert_int_eq(kreg_unregister(k, "name", KREG_STRING), 2);
	child_kill(&child);
	kreg_close(k);
}
END_TEST

START_TEST(a_name_that_is_too_large_to_give_stays_with_its_owner)
{
	char *large = malloc(17000), *copy = malloc(17000);
	uint64_t before;
	int i;
	struct kreg_owner parent, to = { 0 };
	struct child child;

	open_mode(_i);
	for (i = 0; i < 17000; i++)
		large[i] = (char)(i / 100);
	parent = self_of(k);
	child = child_start(obey, &parent);
	to.token = (uint64_t)link_hear(child.link);
	before = bytes_used(k);
	ck_assert_int_eq(kreg_register(k, "name", KREG_STRING, large, 17000, NULL), 0);
	ck_assert_int_eq(kreg_give(k, "name", KREG_STRING, &to), -EMSGSIZE);
	ck_assert_int_eq(kreg_lookup(k, "name", KREG_STRING, NULL, 0, NULL), 17000);
	ck_assert_int_eq(kreg_update(k, "name", KREG_STRING, large, 16000, NULL, 0), 17000);
	ck_assert_int_eq(kreg_give(k, "name", KREG_STRING, &to), 0);
	ck_assert_int_eq(kreg_lookup(k, "name", KREG_STRING, copy, 17000, NULL), 16000);
	ck_assert_mem_eq(copy, large, 16000);
	ck_assert_int_eq(kreg_check(k, NULL, NULL), 0);
	ck_assert_uint_ge(bytes_used(k), before + 16000);
	child_kill(&child);
	ck_assert_uint_eq(bytes_used(k), before);
	free(large);
	free(copy);
	kreg_close(k);
}
END_TEST

/* Registers names and gives them away until it is killed. */
static int give_on(int link, void *data)
{
	const struct kreg_owner *parent = data;
	struct kreg *own = mode_open(mode, "give");
	static const char value[5000];
	char key[32];
	unsigned int i;

	link_say(link, 0);
	for (i = 0; own; i++) {
		snprintf(key, sizeof(key), "gift-%u", i);
		/* Some in slabs of their own. */
		if (kreg_register(own, key, KREG_STRING, value, i % 2 ? 1 : sizeof(value), NULL) ||
		    kreg_give(own, key, KREG_STRING, parent))
			return 1;
	}
	return 0;
}

static int unregister_any(const struct kreg_entry *entry, void *data)
{
	(void)data;
	ck_assert_int_eq(kreg_unregister(k, entry->key, entry->key_size), 1);
	return 0;
}

/* In the giver: it ends in front of the call with that number; 0: it does not. */
static int ends_at;

int __real_land_disown(const struct segment *s, uint32_t slab, const struct life_self *self,
		       uint64_t next);
int __wrap_land_disown(const struct segment *s, uint32_t slab, const struct life_self *self,
		       uint64_t next);
int __wrap_land_disown(const struct segment *s, uint32_t slab, const struct life_self *self,
		       uint64_t next)
{
	if (ends_at && !--ends_at)
		kill(getpid(), SIGKILL);
	return __real_land_disown(s, slab, self, next);
}

bool __real_land_retire_from(const struct segment *s, uint32_t slab, owner_t seen);
bool __wrap_land_retire_from(const struct segment *s, uint32_t slab, owner_t seen);
bool __wrap_land_retire_from(const struct segment *s, uint32_t slab, owner_t seen)
{
	if (ends_at && !--ends_at)
		kill(getpid(), SIGKILL);
	return __real_land_retire_from(s, slab, seen);
}

/* No entry, no fault, and no more memory in use than @before. */
static void assert_nothing_is_left(uint64_t before)
{
	assert_count(k, 0);
	ck_assert_int_eq(kreg_check(k, NULL, NULL), 0);
	ck_assert_uint_eq(bytes_used(k), before);
}

static int unregister_and_end(int link, void *data)
{
	struct kreg *own = mode_open(mode, "give");

	(void)data;
	link_say(link, (int64_t)self_of(own).token);
	ends_at = (int)link_hear(link);
	link_say(link, kreg_unregister(own, "name", KREG_STRING));
	link_hear(link);
	return 0;
}

START_TEST(an_owner_that_is_killed_while_it_ends_a_large_gift_leaves_no_slab)
{
	static const char value[5000];
	struct kreg_owner to = { 0 };
	uint64_t before;
	int at;

	open_mode(_i);
	before = bytes_used(k);
	for (at = 1; at <= 6; at++) {
		struct child child = child_start(unregister_and_end, NULL);

		to.token = (uint64_t)link_hear(child.link);
		ck_assert_int_eq(kreg_register(k, "name", KREG_STRING, value, sizeof(value), NULL),
				 0);
		ck_assert_int_eq(kreg_give(k, "name", KREG_STRING, &to), 0);
		link_say(child.link, at);
		child_end(&child);
		assert_nothing_is_left(before);
	}
	kreg_close(k);
}
END_TEST

static int give_and_end(int link, void *data)
{
	static const char value[5000];
	const struct kreg_owner *parent = data;
	struct kreg *own = mode_open(mode, "give");

	link_say(link, kreg_register(own, "name", KREG_STRING, value, sizeof(value), NULL));
	ends_at = (int)link_hear(link);
	link_say(link, kreg_give(own, "name", KREG_STRING, parent));
	link_hear(link);
	return 0;
}

/* Its entry and its value have five slabs more than an entry has. */
START_TEST(a_giver_of_a_large_value_that_is_killed_between_slabs_leaves_none)
{
	struct kreg_owner self;
	uint64_t before;
	int at;

	open_mode(_i);
	self = self_of(k);
	before = bytes_used(k);
	for (at = 1; at <= 6; at++) {
		struct child giver = child_start(give_and_end, &self);

		ck_assert_int_eq(link_hear(giver.link), 0);
		link_say(giver.link, at);
		child_end(&giver);
		assert_nothing_is_left(before);
	}
	kreg_close(k);
}
END_TEST

START_TEST(killed_givers_leave_whole_names_and_no_memory)
{
	unsigned int seed = unit_seed();
	struct kreg_owner self;
	uint64_t before;
	int kills;

	printf("# KREG_SEED=%u\n", seed);
	open_mode(_i);
	self = self_of(k);
	before = bytes_used(k);
	for (kills = 0; kills < KILLS; kills++) {
		struct child giver = child_start(give_on, &self);
		int wait = 1 + rand_r(&seed) % 30, got = 0;

		ck_assert_int_eq(link_hear(giver.link), 0);
		while (got < wait) {
			got = 0;
			ck_assert_int_eq(kreg_each_of_owner(k, &self, count_entry, &got), 0);
			/* Its gifts are removed from the table while it goes on giving. */
			if (kills % 2 && rand_r(&seed) % 4 == 0)
				break;
		}
		if (kills % 2)
			ck_assert_int_eq(kreg_each_of_owner(k, &self, unregister_any, NULL), 0);
		child_kill(&giver);
		got = (int)kreg_count(k);
		assert_count(k, got);
		ck_assert_int_eq(kreg_each_of_owner(k, &self, unregister_any, NULL), 0);
		assert_count(k, 0);
	}
	ck_assert_uint_eq(bytes_used(k), before);
	kreg_close(k);
}
END_TEST

int main(void)
{
	const TTest *const both[] = {
		a_given_name_belongs_to_the_receiver_with_all_rights,
		a_gift_is_one_event_with_both_owners,
		a_listener_to_one_owner_gets_the_end_or_the_beginning,
		a_receiver_that_waits_for_the_name_keeps_its_place_in_the_line,
		a_name_that_is_too_large_to_give_stays_with_its_owner,
		a_giver_of_a_large_value_that_is_killed_between_slabs_leaves_none,
		an_owner_that_is_killed_while_it_ends_a_large_gift_leaves_no_slab,
		killed_givers_leave_whole_names_and_no_memory,
		NULL,
	};

	return modes_run(suite_create("give"), tcase_create("both"), both, NULL, NULL);
}
