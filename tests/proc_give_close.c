/* SPDX-License-Identifier: MIT */
/*
 * A name that is given to a process that closes its last handle: it has it before, and loses it then, or it never gets
 * it. None stays with a process that has closed, although that lives on.
 */
#include <check.h>
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "shm/land.h"
#include "shm/row.h"
#include "shm/table.h"
#include "tests/support/child.h"
#include "tests/support/events.h"
#include "tests/support/guard.h"
#include "tests/support/halt.h"
#include "tests/support/unit.h"
#include "tests/support/whole.h"

static struct kreg *k;
static int mode;

static void open_mode(int in)
{
	mode = in;
	k = mode_open(in, "give_close");
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

static int unregister_any(const struct kreg_entry *entry, void *data)
{
	(void)data;
	ck_assert_int_eq(kreg_unregister(k, entry->key, entry->key_size), 1);
	return 0;
}

/* Where a process halts (halt.h): a giver before its gift is there, and before it links it; a closer behind its looks. */
enum place { NOWHERE, AT_MAKING, AT_LINKING, AT_CLEARING };
static int halts_at;

static void come_to(enum place place)
{
	if (halts_at == (int)place)
		halt_here();
}

int __real_land_disown(const struct segment *s, uint32_t slab, const struct life_self *self,
		       uint64_t next);
int __wrap_land_disown(const struct segment *s, uint32_t slab, const struct life_self *self,
		       uint64_t next);
int __wrap_land_disown(const struct segment *s, uint32_t slab, const struct life_self *self,
		       uint64_t next)
{
	come_to(AT_MAKING);
	return __real_land_disown(s, slab, self, next);
}

/* No entry, no fault, and no more memory in use than @before. */
static void assert_nothing_is_left(uint64_t before)
{
	assert_count(k, 0);
	ck_assert_int_eq(kreg_check(k, NULL, NULL), 0);
	ck_assert_uint_eq(bytes_used(k), before);
}

int __real_table_replace(const struct writer *w, const struct query *q, const struct found *found,
			 place_t with, place_t *out);
int __wrap_table_replace(const struct writer *w, const struct query *q, const struct found *found,
			 place_t with, place_t *out);
int __wrap_table_replace(const struct writer *w, const struct query *q, const struct found *found,
			 place_t with, place_t *out)
{
	come_to(AT_LINKING);
	return __real_table_replace(w, q, found, with, out);
}

void __real_row_clear(const struct segment *s, const struct life_table *lives,
		      const struct life_self *self);
void __wrap_row_clear(const struct segment *s, const struct life_table *lives,
		      const struct life_self *self);
void __wrap_row_clear(const struct segment *s, const struct life_table *lives,
		      const struct life_self *self)
{
	come_to(AT_CLEARING);
	__real_row_clear(s, lives, self);
}

/* Gives "name" to the owner whose token comes, and stops at the place that comes. Goes on until told to end. */
static int give_and_halt(int link, void *data)
{
	struct kreg *own = mode_open(mode, "give_close");
	struct kreg_owner to = { .token = (uint64_t)link_hear(link) };

	(void)data;
	if (kreg_register(own, "name", KREG_STRING, "value", 5, NULL))
		return 1;
	halts_at = (int)link_hear(link);
	halt_at((int)link_hear(link), 1);
	link_say(link, kreg_give(own, "name", KREG_STRING, &to));
	link_hear(link);
	kreg_close(own);
	return 0;
}

static struct child giver_halts_at(enum place place, enum halt how, uint64_t to)
{
	struct child giver;

	halt_new();
	giver = child_start(give_and_halt, NULL);
	link_say(giver.link, (int64_t)to);
	link_say(giver.link, place);
	link_say(giver.link, how);
	halt_await();
	if (how == HALT_STOP)
		child_await_stop(&giver);
	return giver;
}

static void assert_event(struct kreg_listener *listener, uint32_t type, pid_t pid, pid_t from)
{
	struct kreg_event event = event_wait(listener);

	ck_assert_uint_eq(event.type, type);
	ck_assert_int_eq(event.entry.owner.pid, pid);
	ck_assert_int_eq(event.from.pid, from);
}

/* A receiver's orders: open, with the token as the answer, and close, in turn. */
static int open_and_close(int link, void *data)
{
	struct kreg *own = NULL;

	(void)data;
	while (link_hear(link) != INT64_MIN) {
		if (own) {
			kreg_close(own);
			own = NULL;
		} else {
			own = mode_open(mode, "give_close");
		}
		link_say(link, own ? (int64_t)self_of(own).token : 0);
	}
	kreg_close(own);
	return 0;
}

/* With the receiver still away, or with it back: what came too late once is no one's for good. */
static void receiver_closes_while_giver_is_at(enum place place, bool opens_again)
{
	struct child receiver = child_start(open_and_close, NULL), giver;
	uint64_t to = (uint64_t)child_ask(&receiver, 0), before = bytes_used(k);
	struct kreg_listener *listener;
	struct kreg_owner owner;
	struct kreg_event event;

	ck_assert_int_eq(kreg_listen(&listener, k, NULL, 0), 0);
	giver = giver_halts_at(place, HALT_STOP, to);
	assert_event(listener, KREG_EVENT_REGISTER, giver.pid, 0);
	ck_assert_int_eq(child_ask(&receiver, 0), 0);
	if (opens_again)
		ck_assert_int_eq(child_ask(&receiver, 0) == (int64_t)to, mode == MODE_GUARD);
	/* That close is heard before the gift. */
	ck_assert_int_eq(kreg_listener_next(listener, &event), 0);
	kill(giver.pid, SIGCONT);
	if (place == AT_MAKING && !opens_again) {
		ck_assert_int_eq(link_hear(giver.link), -ESRCH);
		assert_holder(giver.pid, "value");
		ck_assert_int_eq(kreg_count(k), 1);
	} else if (place == AT_MAKING) {
		/* It is asked after that, and there again. */
		ck_assert_int_eq(link_hear(giver.link), 0);
		assert_holder(receiver.pid, "value");
	} else {
		ck_assert_int_eq(link_hear(giver.link), 0);
		ck_assert_int_eq(kreg_whereis(k, "name", KREG_STRING, &owner), -ENOENT);
		assert_count(k, 0);
		if (mode == MODE_GUARD) {
			assert_event(listener, KREG_EVENT_GIVEN, receiver.pid, giver.pid);
			assert_event(listener, KREG_EVENT_UNREGISTER, receiver.pid, 0);
		} else {
			assert_event(listener, KREG_EVENT_UNREGISTER, giver.pid, 0);
		}
		ck_assert_int_eq(kreg_listener_next(listener, &event), 0);
	}
	kreg_listener_close(listener);
	ck_assert_int_eq(kreg_check(k, NULL, NULL), 0);
	child_end(&giver);
	if (opens_again)
		ck_assert_int_eq(child_ask(&receiver, 0), 0);
	assert_nothing_is_left(before);
	child_end(&receiver);
}

START_TEST(a_receiver_that_closes_before_the_gift_is_there_gets_nothing)
{
	open_mode(_i);
	receiver_closes_while_giver_is_at(AT_MAKING, false);
	if (mode == MODE_GUARD)
		receiver_closes_while_giver_is_at(AT_MAKING, true);
	kreg_close(k);
}
END_TEST

START_TEST(a_name_that_is_linked_after_its_receiver_has_closed_is_free)
{
	open_mode(_i);
	receiver_closes_while_giver_is_at(AT_LINKING, false);
	receiver_closes_while_giver_is_at(AT_LINKING, true);
	kreg_close(k);
}
END_TEST

START_TEST(a_giver_that_is_killed_before_it_gives_is_purged)
{
	struct child receiver, giver;
	struct kreg_listener *listener;
	struct kreg_event event;
	uint64_t to;

	open_mode(_i);
	receiver = child_start(open_and_close, NULL);
	to = (uint64_t)child_ask(&receiver, 0);
	ck_assert_int_eq(kreg_listen(&listener, k, NULL, 0), 0);
	giver = giver_halts_at(AT_LINKING, HALT_KILL, to);
	assert_event(listener, KREG_EVENT_REGISTER, giver.pid, 0);
	assert_event(listener, KREG_EVENT_PURGE, giver.pid, 0);
	ck_assert_int_eq(kreg_listener_next(listener, &event), 0);
	child_end(&giver);
	child_end(&receiver);
	kreg_listener_close(listener);
	kreg_close(k);
}
END_TEST

/* Says its token, and stops in its close when told to. */
static int close_and_halt(int link, void *data)
{
	struct kreg *own = mode_open(mode, "give_close");

	(void)data;
	link_say(link, (int64_t)self_of(own).token);
	link_hear(link);
	halts_at = AT_CLEARING;
	halt_at(HALT_STOP, 1);
	kreg_close(own);
	link_say(link, 0);
	link_hear(link);
	return 0;
}

START_TEST(nothing_is_given_to_a_process_whose_close_has_begun)
{
	struct kreg_owner to = { 0 };
	struct child closer;

	open_mode(_i);
	ck_assert_int_eq(kreg_register(k, "name", KREG_STRING, "value", 5, NULL), 0);
	halt_new();
	closer = child_start(close_and_halt, NULL);
	to.token = (uint64_t)link_hear(closer.link);
	link_say(closer.link, 0);
	halt_await();
	child_await_stop(&closer);
	ck_assert_int_eq(kreg_give(k, "name", KREG_STRING, &to), -ESRCH);
	assert_holder(getpid(), "value");
	kill(closer.pid, SIGCONT);
	ck_assert_int_eq(link_hear(closer.link), 0);
	ck_assert_int_eq(kreg_give(k, "name", KREG_STRING, &to), -ESRCH);
	assert_holder(getpid(), "value");
	ck_assert_int_eq(kreg_check(k, NULL, NULL), 0);
	child_end(&closer);
	kreg_close(k);
}
END_TEST

static int count_of_others(const struct kreg_entry *entry, void *data)
{
	(*(int *)data) += entry->owner.pid != getpid();
	return 0;
}

#define ROUNDS 300
/* What the two of the next case share: the receiver is open, or has closed; and who it is. */
static struct {
	uint64_t token, closed;
} * stage;

/* Opens, and closes as soon as something was given to it; says so each time, until told to end. */
static int close_on(int link, void *data)
{
	(void)data;
	while (link_hear(link) != INT64_MIN) {
		struct kreg *own = mode_open(mode, "give_close");
		int i;

		for (i = 0; i < 50; i++) {
			char key[16];

			snprintf(key, sizeof(key), "own-%d", i);
			kreg_register(own, key, KREG_STRING, NULL, 0, NULL);
		}
		store_release(&stage->token, self_of(own).token);
		while (!load_acquire(&stage->closed))
			sched_yield();
		kreg_close(own);
		store_release(&stage->closed, 2ull);
		link_say(link, 0);
	}
	return 0;
}

START_TEST(no_name_stays_with_a_process_that_has_closed)
{
	unsigned int seed = unit_seed();
	struct child closer;
	uint64_t before;
	int round;

	printf("# KREG_SEED=%u\n", seed);
	open_mode(_i);
	before = bytes_used(k);
	stage = child_shared(sizeof(*stage));
	closer = child_start(close_on, NULL);
	for (round = 0; round < ROUNDS; round++) {
		struct kreg_owner to = { 0 }, self;
		int given = 0, when = rand_r(&seed) % 20;

		store_release(&stage->token, 0ull);
		store_release(&stage->closed, 0ull);
		link_say(closer.link, 0);
		while (!(to.token = load_acquire(&stage->token)))
			sched_yield();
		while (load_acquire(&stage->closed) < 2) {
			char key[16];
			int err;

			if (given++ == when)
				store_release(&stage->closed, 1ull);
			snprintf(key, sizeof(key), "given-%d", given % 50);
			err = kreg_register(k, key, KREG_STRING, NULL, 0, NULL);
			ck_assert(!err || err == -EEXIST);
			err = kreg_give(k, key, KREG_STRING, &to);
			ck_assert(!err || err == -ESRCH || err == -EPERM || err == -ENOENT);
		}
		ck_assert_int_eq(link_hear(closer.link), 0);
		/* It lives on, in none of our names. */
		given = 0;
		ck_assert_int_eq(kreg_each(k, NULL, 0, count_of_others, &given), 0);
		ck_assert_int_eq(given, 0);
		ck_assert_int_eq(kreg_check(k, NULL, NULL), 0);
		self = self_of(k);
		ck_assert_int_eq(kreg_each_of_owner(k, &self, unregister_any, NULL), 0);
		assert_nothing_is_left(before);
	}
	child_kill(&closer);
	kreg_close(k);
}
END_TEST

int main(void)
{
	const TTest *const both[] = {
		a_receiver_that_closes_before_the_gift_is_there_gets_nothing,
		a_name_that_is_linked_after_its_receiver_has_closed_is_free,
		a_giver_that_is_killed_before_it_gives_is_purged,
		nothing_is_given_to_a_process_whose_close_has_begun,
		no_name_stays_with_a_process_that_has_closed,
		NULL,
	};

	return modes_run(suite_create("give_close"), tcase_create("both"), both, NULL, NULL);
}
