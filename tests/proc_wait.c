/* SPDX-License-Identifier: MIT */
/*
 * Waiting for a name, for its end and for a turn in line, and locks by key: the holder of
 * the name may unregister, close, exec or be killed, and a waiter may be killed too.
 */
#include <check.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/support/child.h"
#include "tests/support/guard.h"
#include "tests/support/unit.h"

#define WAITERS 40
#define WAITER_THREADS 50
#define LOCKERS 8

static struct kreg *k;
static int mode;

static void open_mode(int in)
{
	mode = in;
	k = mode_open(in, "wait");
}

/* Reports that it is about to wait for "name", and then the result. */
static int wait_for_name(int link, void *data)
{
	struct kreg *own = mode_open(mode, "wait");
	char value[8];
	struct kreg_found found = { .value = value, .capacity = sizeof(value) };

	(void)data;
	link_say(link, 0);
	link_say(link, kreg_await(own, "name", KREG_STRING, -1, &found));
	link_say(link, found.owner.pid);
	link_say(link, found.size == 2 && !memcmp(value, "up", 2));
	link_hear(link);
	return 0;
}

/* Holds "name"; 1: unregisters, 2: closes, 3: calls exec, 4: publishes. */
static int hold_name(int link, void *data)
{
	struct kreg *own = mode_open(mode, "wait");
	const uint32_t *flags = data;
	int64_t order;

	link_say(link, kreg_register_with(own, "name", KREG_STRING, "up", 2, *flags, NULL));
	while ((order = link_hear(link)) != INT64_MIN) {
		if (order == 1)
			kreg_unregister(own, "name", KREG_STRING);
		else if (order == 2)
			kreg_close(own);
		else if (order == 3)
			execlp("cat", "cat", NULL);
		else
			kreg_publish(own, "name", KREG_STRING, "up", 2);
		link_say(link, 0);
	}
	return 0;
}

static struct child start_holder(uint32_t flags, int64_t result)
{
	struct child child = child_start(hold_name, &flags);

	ck_assert_int_eq(link_hear(child.link), result);
	return child;
}

START_TEST(a_wait_times_out_when_no_process_registers)
{
	struct kreg_owner nobody = { 0 };

	open_mode(_i);
	ck_assert_int_eq(kreg_await(k, "name", KREG_STRING, 0, NULL), -ETIMEDOUT);
	ck_assert_int_eq(kreg_await(k, "name", KREG_STRING, 30, NULL), -ETIMEDOUT);
	ck_assert_int_eq(kreg_await(k, "", 0, 30, NULL), -EINVAL);
	ck_assert_int_eq(kreg_await_gone(k, "name", KREG_STRING, NULL, 0), 0);
	ck_assert_int_eq(kreg_await_gone(k, "name", KREG_STRING, &nobody, 0), -EINVAL);
	ck_assert_int_eq(kreg_await_turn(k, "name", KREG_STRING, 30), -ENOENT);
	ck_assert_int_eq(kreg_register(k, "name", KREG_STRING, NULL, 0, NULL), 0);
	ck_assert_int_eq(kreg_await(k, "name", KREG_STRING, 0, NULL), 0);
	ck_assert_int_eq(kreg_await_turn(k, "name", KREG_STRING, 0), 0);
	ck_assert_int_eq(kreg_await_gone(k, "name", KREG_STRING, NULL, 30), -ETIMEDOUT);
	kreg_close(k);
}
END_TEST

START_TEST(a_waiter_is_woken_by_a_registration_and_by_a_publication)
{
	struct child waiter, holder;
	uint32_t flags;

	open_mode(_i);
	for (flags = 0; flags <= KREG_REGISTER_RESERVED; flags += KREG_REGISTER_RESERVED) {
		waiter = child_start(wait_for_name, NULL);
		ck_assert_int_eq(link_hear(waiter.link), 0);
		holder = start_holder(flags, 0);
		if (flags)
			link_say(holder.link, 4);
		ck_assert_int_eq(link_hear(waiter.link), 0);
		ck_assert_int_eq(link_hear(waiter.link), holder.pid);
		ck_assert_int_eq(link_hear(waiter.link), 1);
		child_kill(&holder);
		ck_assert_int_eq(child_end(&waiter), 0);
	}
	kreg_close(k);
}
END_TEST

START_TEST(a_waiter_for_the_end_is_woken_by_each_kind_of_end)
{
	struct kreg_owner owner;
	struct child holder;
	int end;

	open_mode(_i);
	for (end = 0; end < 4; end++) {
		/* Under the guard a name outlives exec, because the process does. */
		if (end == 3 && mode == MODE_GUARD)
			continue;
		holder = start_holder(0, 0);
		ck_assert_int_eq(kreg_lookup(k, "name", KREG_STRING, NULL, 0, &owner), 2);
		ck_assert_int_eq(kreg_await_gone(k, "name", KREG_STRING, &owner, 1), -ETIMEDOUT);
		if (end)
			link_say(holder.link, end);
		else
			kill(holder.pid, SIGKILL);
		ck_assert_int_eq(kreg_await_gone(k, "name", KREG_STRING, &owner, -1), 0);
		ck_assert_int_eq(kreg_lookup(k, "name", KREG_STRING, NULL, 0, NULL), -ENOENT);
		child_kill(&holder);
	}
	kreg_close(k);
}
END_TEST

struct thread_wait {
	pthread_t thread;
	int result;
};

static void *await_gone_in_thread(void *data)
{
	struct thread_wait *wait = data;

	wait->result = kreg_await_gone(k, "name", KREG_STRING, NULL, -1);
	return NULL;
}

/* Waits in many threads, reports that, and then their results. */
static int wait_in_threads(int link, void *data)
{
	struct thread_wait waits[WAITER_THREADS];
	int i, bad = 0;

	(void)data;
	k = mode_open(mode, "wait");
	for (i = 0; i < WAITER_THREADS; i++) {
		if (pthread_create(&waits[i].thread, NULL, await_gone_in_thread, &waits[i]))
			return 1;
	}
	link_say(link, 0);
	for (i = 0; i < WAITER_THREADS; i++) {
		pthread_join(waits[i].thread, NULL);
		bad += waits[i].result != 0;
	}
	link_say(link, bad);
	link_hear(link);
	return 0;
}

START_TEST(thousands_wait_for_one_death)
{
	struct child waiters[WAITERS], holder;
	int i;

	open_mode(_i);
	holder = start_holder(0, 0);
	for (i = 0; i < WAITERS; i++)
		waiters[i] = child_start(wait_in_threads, NULL);
	for (i = 0; i < WAITERS; i++)
		ck_assert_int_eq(link_hear(waiters[i].link), 0);
	/* Some of the waiters are killed. */
	for (i = 0; i < WAITERS; i += 8)
		child_kill(&waiters[i]);
	child_kill(&holder);
	for (i = 0; i < WAITERS; i++) {
		if (i % 8 == 0)
			continue;
		ck_assert_int_eq(link_hear(waiters[i].link), 0);
		ck_assert_int_eq(child_end(&waiters[i]), 0);
	}
	kreg_close(k);
}
END_TEST

/* Waits in line for "name", and reports when its turn has come. */
static int wait_for_turn(int link, void *data)
{
	struct kreg *own = mode_open(mode, "wait");

	(void)data;
	link_say(link,
		 kreg_register_with(own, "name", KREG_STRING, "me", 2, KREG_REGISTER_QUEUE, NULL));
	link_say(link, kreg_await_turn(own, "name", KREG_STRING, -1));
	link_hear(link);
	return 0;
}

START_TEST(a_turn_comes_when_all_entries_ahead_are_gone)
{
	struct child holder, first, second, third;
	struct kreg_owner owner;

	open_mode(_i);
	holder = start_holder(0, 0);
	first = child_start(wait_for_turn, NULL);
	ck_assert_int_eq(link_hear(first.link), KREG_WAITING);
	second = child_start(wait_for_turn, NULL);
	ck_assert_int_eq(link_hear(second.link), KREG_WAITING);
	third = child_start(wait_for_turn, NULL);
	ck_assert_int_eq(link_hear(third.link), KREG_WAITING);
	child_kill(&first);
	link_say(holder.link, 1);
	ck_assert_int_eq(link_hear(second.link), 0);
	ck_assert_int_eq(kreg_lookup(k, "name", KREG_STRING, NULL, 0, &owner), 2);
	ck_assert_int_eq(owner.pid, second.pid);
	child_kill(&second);
	ck_assert_int_eq(link_hear(third.link), 0);
	child_kill(&third);
	child_kill(&holder);
	kreg_close(k);
}
END_TEST

START_TEST(a_lock_is_separate_from_names_and_other_locks)
{
	struct kreg_lock lock, other, again;

	open_mode(_i);
	ck_assert_int_eq(kreg_register(k, "key", KREG_STRING, NULL, 0, NULL), 0);
	ck_assert_int_eq(kreg_lock(k, "key", KREG_STRING, -1, &lock), 0);
	ck_assert_int_eq(kreg_lock(k, "other", KREG_STRING, 0, &other), 0);
	ck_assert_int_eq(kreg_lock(k, "key", KREG_STRING, 0, &again), -ETIMEDOUT);
	ck_assert_int_eq(kreg_lock(k, "key", KREG_STRING, 20, &again), -ETIMEDOUT);
	ck_assert_int_eq(kreg_count(k), 1);
	ck_assert_int_eq(kreg_count_select(k, NULL), 1);
	ck_assert_int_eq(kreg_unregister(k, "key", KREG_STRING), 1);
	ck_assert_int_eq(kreg_lock(k, "key", KREG_STRING, 0, &again), -ETIMEDOUT);
	ck_assert_int_eq(kreg_unlock(k, &lock), 0);
	ck_assert_int_eq(kreg_unlock(k, &lock), -EINVAL);
	ck_assert_int_eq(kreg_lock(k, "key", KREG_STRING, 0, &again), 0);
	ck_assert_int_eq(kreg_unlock(k, &again), 0);
	ck_assert_int_eq(kreg_unlock(k, &other), 0);
	kreg_close(k);
}
END_TEST

/* Protected by the lock: the process inside, and how often one was inside. */
struct protected
{
	volatile pid_t inside;
	volatile uint64_t entered;
	volatile uint64_t broken;
	volatile uint64_t order[64]; /* pids */
};

/*
 * A process found inside is being killed: kill() finds it until its parent has reaped it.
 * A living one would come out, and that is detected too.
 */
static bool left_by_the_dead(struct protected *shared)
{
	pid_t inside = shared->inside;

	while (inside && !kill(inside, 0)) {
		if (shared->inside != inside)
			return false;
		sched_yield();
	}
	return true;
}

static int enter_on(int link, void *data)
{
	struct kreg *own = mode_open(mode, "wait");
	struct protected *shared = data;
	struct kreg_lock lock;
	int i;

	link_say(link, 0);
	for (;;) {
		if (kreg_lock(own, "lock", KREG_STRING, -1, &lock))
			return 1;
		if (!left_by_the_dead(shared))
			shared->broken++;
		shared->inside = getpid();
		for (i = 0; i < 100; i++)
			shared->entered++;
		if (shared->inside != getpid())
			shared->broken++;
		shared->inside = 0;
		if (kreg_unlock(own, &lock))
			return 2;
	}
}

static struct protected *protected_new(void)
{
	return child_shared(sizeof(struct protected));
}

START_TEST(one_process_holds_the_lock_although_others_are_killed_anywhere)
{
	struct protected *shared = protected_new();
	struct child lockers[LOCKERS];
	unsigned int seed = unit_seed();
	struct kreg_lock lock;
	int i, kills;

	open_mode(_i);
	for (i = 0; i < LOCKERS; i++) {
		lockers[i] = child_start(enter_on, shared);
		ck_assert_int_eq(link_hear(lockers[i].link), 0);
	}
	for (kills = 0; kills < 300; kills++) {
		uint64_t before = shared->entered;
		int spin = rand_r(&seed) % 3000;

		/* Others go on, whichever process was killed. */
		while (shared->entered == before)
			sched_yield();
		while (spin--)
			__asm__ volatile("" ::: "memory");
		i = rand_r(&seed) % LOCKERS;
		child_kill(&lockers[i]);
		lockers[i] = child_start(enter_on, shared);
		ck_assert_int_eq(link_hear(lockers[i].link), 0);
	}
	for (i = 0; i < LOCKERS; i++)
		child_kill(&lockers[i]);
	ck_assert_uint_eq(shared->broken, 0);
	ck_assert_int_eq(kreg_lock(k, "lock", KREG_STRING, 0, &lock), 0);
	ck_assert_int_eq(kreg_unlock(k, &lock), 0);
	kreg_close(k);
}
END_TEST

static int enter_once(int link, void *data)
{
	struct kreg *own = mode_open(mode, "wait");
	struct protected *shared = data;
	struct kreg_lock lock;

	link_say(link, 0);
	if (kreg_lock(own, "lock", KREG_STRING, -1, &lock))
		return 1;
	shared->order[shared->entered++] = (uint64_t)getpid();
	link_say(link, kreg_unlock(own, &lock));
	link_hear(link);
	return 0;
}

START_TEST(a_lock_goes_to_its_waiters_in_order_of_arrival)
{
	struct protected *shared = protected_new();
	struct child waiters[LOCKERS];
	struct kreg_lock lock;
	int i;

	open_mode(_i);
	ck_assert_int_eq(kreg_lock(k, "lock", KREG_STRING, 0, &lock), 0);
	for (i = 0; i < LOCKERS; i++) {
		waiters[i] = child_start(enter_once, shared);
		ck_assert_int_eq(link_hear(waiters[i].link), 0);
		/*
		 * The length of a lock's line cannot be read; a waiter is in it when it
		 * sleeps.
		 */
		child_await_sleep(&waiters[i]);
	}
	child_kill(&waiters[3]);
	ck_assert_int_eq(kreg_unlock(k, &lock), 0);
	for (i = 0; i < LOCKERS; i++) {
		if (i == 3)
			continue;
		ck_assert_int_eq(link_hear(waiters[i].link), 0);
		ck_assert_uint_eq(shared->order[i - (i > 3)], waiters[i].pid);
		child_kill(&waiters[i]);
	}
	kreg_close(k);
}
END_TEST

int main(void)
{
	const TTest *const both[] = {
		a_wait_times_out_when_no_process_registers,
		a_waiter_is_woken_by_a_registration_and_by_a_publication,
		a_waiter_for_the_end_is_woken_by_each_kind_of_end,
		thousands_wait_for_one_death,
		a_turn_comes_when_all_entries_ahead_are_gone,
		a_lock_is_separate_from_names_and_other_locks,
		one_process_holds_the_lock_although_others_are_killed_anywhere,
		a_lock_goes_to_its_waiters_in_order_of_arrival,
		NULL,
	};

	return modes_run(suite_create("wait"), tcase_create("both"), both, NULL, NULL);
}
