/* SPDX-License-Identifier: MIT */
/*
 * The seats of a guard: each process gets one, all of them can be taken, and a process that is refused takes none,
 * whichever step of the entering the kernel refuses.
 */
#include <check.h>
#include <errno.h>
#include <pthread.h>
#include <stdint.h>

#include <linux/types.h>

#include "bpf/life_layout.h"
#include "tests/support/child.h"
#include "tests/support/clock.h"
#include "tests/support/guard.h"
#include "tests/support/small_guard.h"

START_TEST(a_process_is_refused_until_the_audit_when_the_owners_map_is_full)
{
	struct child child;
	struct kreg *k;

	start_guard(LIFE_FAULT_DELETE);
	k = open_registry();
	hold_and_die(k, 2 * SEATS - 1);
	child = child_start(hold, NULL);
	ck_assert_int_eq(link_hear(child.link), -EUSERS);
	child_kill(&child);
	ck_assert_uint_eq(counted(), 2 * SEATS);
	ck_assert_uint_eq(status().seats_used, 1);
	hold_and_die(k, 1);
	kreg_close(k);
	ck_assert_int_eq(stop_guard(true), 0);
}
END_TEST

START_TEST(a_process_that_cannot_be_entered_at_once_leaves_no_seat_taken)
{
	struct guard_status found;
	struct kreg *k;

	start_guard(LIFE_FAULT_INSERT);
	k = open_registry();
	hold_and_die(k, 5 * SEATS);
	found = status();
	ck_assert_uint_eq(found.seats_used, 1);
	ck_assert_uint_eq(found.attaches, 5 * SEATS + 1);
	ck_assert_uint_eq(found.refused, 0);
	ck_assert_uint_eq(counted(), 1);
	kreg_close(k);
	ck_assert_int_eq(stop_guard(true), 0);
}
END_TEST

/* Far below the 10 s for which a process retries while another thread of it attaches. */
#define AT_ONCE_MS 5000

START_TEST(a_process_that_finds_no_memory_among_the_owners_is_refused_at_once)
{
	struct kreg *k;
	int64_t before;

	start_guard(LIFE_FAULT_MEMORY);
	before = clock_ms();
	ck_assert_int_eq(try_open(&k), -ENOMEM);
	ck_assert_int_lt(clock_ms() - before, AT_ONCE_MS);
	ck_assert_uint_eq(status().seats_used, 0);
	ck_assert_int_eq(stop_guard(false), 0);
}
END_TEST

static void *open_once(void *data)
{
	struct kreg **k = data;

	return (void *)(intptr_t)try_open(k);
}

START_TEST(threads_that_attach_at_once_get_one_seat)
{
	struct kreg_owner first, self;
	struct kreg *k[SEATS * 2];
	pthread_t threads[SEATS * 2];
	void *failed;
	int i;

	start_guard(LIFE_FAULT_INSERT);
	for (i = 0; i < SEATS * 2; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, open_once, &k[i]), 0);
	for (i = 0; i < SEATS * 2; i++) {
		pthread_join(threads[i], &failed);
		ck_assert_int_eq((intptr_t)failed, 0);
		ck_assert_int_eq(kreg_self(k[i], i ? &self : &first), 0);
		ck_assert(!i || self.token == first.token);
	}
	ck_assert_uint_eq(status().seats_used, 1);
	for (i = 0; i < SEATS * 2; i++)
		kreg_close(k[i]);
	ck_assert_int_eq(stop_guard(true), 0);
}
END_TEST

static int open_and_say(int link, void *data)
{
	struct kreg *k;

	(void)data;
	link_say(link, try_open(&k));
	link_hear(link);
	return 0;
}

START_TEST(all_seats_can_be_taken_and_are_all_released)
{
	struct child children[SEATS], one;
	int i, round;

	start_guard(0);
	for (round = 0; round < 3; round++) {
		for (i = 0; i < SEATS; i++) {
			children[i] = child_start(open_and_say, NULL);
			ck_assert_int_eq(link_hear(children[i].link), 0);
		}
		one = child_start(open_and_say, NULL);
		ck_assert_int_eq(link_hear(one.link), -EUSERS);
		/* Any one that comes back is found. */
		child_kill(&children[round * 3]);
		link_say(one.link, 0);
		child_end(&one);
		children[round * 3] = child_start(open_and_say, NULL);
		ck_assert_int_eq(link_hear(children[round * 3].link), 0);
		for (i = 0; i < SEATS; i++)
			child_kill(&children[i]);
		ck_assert_uint_eq(status().seats_used, 0);
	}
	ck_assert_int_eq(stop_guard(false), 0);
}
END_TEST

static int open_on_request(int link, void *data)
{
	struct kreg *k;

	(void)data;
	do
		link_say(link, try_open(&k));
	while (link_hear(link) != INT64_MIN);
	return 0;
}

/* All seats are taken; @count processes are refused twice, then one seat is returned. */
static void refuse_and_take(uint32_t faults, int count, uint32_t leftovers)
{
	struct child holders[SEATS], refused[2 * SEATS];
	uint32_t removed;
	int i;

	start_guard(faults);
	for (i = 0; i < SEATS; i++) {
		holders[i] = child_start(open_and_say, NULL);
		ck_assert_int_eq(link_hear(holders[i].link), 0);
	}
	for (i = 0; i < count; i++) {
		refused[i] = child_start(open_on_request, NULL);
		ck_assert_int_eq(link_hear(refused[i].link), -EUSERS);
		ck_assert_int_eq(child_ask(&refused[i], 1), -EUSERS);
	}
	child_kill(&holders[0]);
	ck_assert_int_eq(child_ask(&refused[0], 1), 0);
	for (i = 1; i < SEATS; i++)
		child_kill(&holders[i]);
	for (i = 0; i < count; i++)
		child_kill(&refused[i]);
	ck_assert_uint_eq(counted(), leftovers);
	ck_assert_int_eq(audit(&removed), 0);
	ck_assert_uint_eq(removed, leftovers);
	ck_assert_uint_eq(counted(), 0);
	ck_assert_uint_eq(status().seats_used, 0);
	ck_assert_uint_eq(status().refused, (uint64_t)(2 * count));
	ck_assert_int_eq(stop_guard(false), 0);
}

START_TEST(a_refused_process_takes_no_place_and_later_gets_a_seat_that_is_released)
{
	refuse_and_take(0, 2 * SEATS, 0);
	/* The same if the kernel refuses to delete its entry. */
	refuse_and_take(LIFE_FAULT_DELETE, 2, SEATS + 2);
}
END_TEST

int main(void)
{
	const TTest *const guard[] = {
		a_process_is_refused_until_the_audit_when_the_owners_map_is_full,
		a_process_that_cannot_be_entered_at_once_leaves_no_seat_taken,
		a_process_that_finds_no_memory_among_the_owners_is_refused_at_once,
		threads_that_attach_at_once_get_one_seat,
		all_seats_can_be_taken_and_are_all_released,
		a_refused_process_takes_no_place_and_later_gets_a_seat_that_is_released,
		NULL,
	};

	return modes_run(suite_create("guard_seats"), NULL, NULL, tcase_create("guard"), guard);
}
