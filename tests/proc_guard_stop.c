/* SPDX-License-Identifier: MIT */
/*
 * A guard is stopped: refused while processes live by it, and then nothing changes for them; by force, and then who
 * waits returns.
 */
#include <check.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <unistd.h>

#include <linux/types.h>

#include "bpf/life_layout.h"
#include "tests/support/child.h"
#include "tests/support/clock.h"
#include "tests/support/guard.h"
#include "tests/support/small_guard.h"
#include "tests/support/tmp.h"

START_TEST(missed_lives_do_not_prevent_a_stop_of_the_guard)
{
	struct child child;

	start_guard(LIFE_FAULT_EXIT | LIFE_FAULT_AGAIN);
	child = child_start(hold, NULL);
	ck_assert_int_eq(link_hear(child.link), 0);
	ck_assert_int_eq(stop_guard(false), -EBUSY);
	child_kill(&child);
	ck_assert_int_eq(stop_guard(false), 0);
}
END_TEST

static void *try_to_stop(void *data)
{
	bool *is_over = data;
	intptr_t refused = 0;

	while (!__atomic_load_n(is_over, __ATOMIC_ACQUIRE) && stop_guard(false) == -EBUSY) {
		refused++;
#ifdef __SANITIZE_ADDRESS__
		/* child_start() forks only while all other threads sleep. */
		usleep(1000);
#endif
	}
	return (void *)refused;
}

static int open_and_end(int link, void *data)
{
	KREG_OPTIONS(options, .directory = tmp_directory(), .guard = second_guard(),
		     .life = KREG_LIFE_GUARD);
	struct kreg *k;

	(void)data;
	link_say(link, kreg_open(&k, "other", &options));
	return 0;
}

START_TEST(a_refused_stop_ends_no_life_and_expels_no_process)
{
	KREG_OPTIONS(options, .directory = tmp_directory(), .guard = second_guard(),
		     .life = KREG_LIFE_GUARD);
	struct kreg *k, *other;
	bool is_over = false;
	pthread_t thread;
	void *refused;
	int i;

	start_guard(0);
	ck_assert_int_eq(kreg_open(&k, "stop", &options), 0);
	ck_assert_int_eq(kreg_register(k, "name", KREG_STRING, NULL, 0, NULL), 0);
	ck_assert_int_eq(pthread_create(&thread, NULL, try_to_stop, &is_over), 0);
	/* To open another registry is to ask the guard once more. */
	for (i = 0; i < 300; i++) {
		ck_assert_int_eq(kreg_open(&other, "other", &options), 0);
		ck_assert_int_eq(kreg_lookup(k, "name", KREG_STRING, NULL, 0, NULL), 0);
		kreg_close(other);
	}
	for (i = 0; i < 50; i++) {
		struct child child = child_start(open_and_end, NULL);

		ck_assert_int_eq(link_hear(child.link), 0);
		child_end(&child);
	}
	__atomic_store_n(&is_over, true, __ATOMIC_RELEASE);
	pthread_join(thread, &refused);
	printf("# a stop was refused %d times\n", (int)(intptr_t)refused);
	fflush(stdout);
	ck_assert_int_eq(stop_guard(false), -EBUSY);
	kreg_close(k);
	ck_assert_int_eq(stop_guard(true), 0);
}
END_TEST

/* Only a waiter that does not return waits this long. */
#define PATIENCE_MS 20000

static int await_missing(struct kreg *k)
{
	return kreg_await(k, "nobody", KREG_STRING, PATIENCE_MS, NULL);
}

static int await_gone(struct kreg *k)
{
	return kreg_await_gone(k, "name", KREG_STRING, NULL, PATIENCE_MS);
}

static int await_turn(struct kreg *k)
{
	int err = kreg_register_with(k, "name", KREG_STRING, "x", 1, KREG_REGISTER_QUEUE, NULL);

	return err == KREG_WAITING ? kreg_await_turn(k, "name", KREG_STRING, PATIENCE_MS) : err;
}

static int await_lock(struct kreg *k)
{
	struct kreg_lock lock;

	return kreg_lock(k, "lock", KREG_STRING, PATIENCE_MS, &lock);
}

static int await_event(struct kreg *k)
{
	struct kreg_listener *listener;
	struct kreg_event event;
	struct pollfd at = { .events = POLLIN };
	int got = kreg_listen(&listener, k, NULL, 0);

	while (!got) {
		at.fd = kreg_listener_fd(listener);
		poll(&at, 1, PATIENCE_MS);
		do
			got = kreg_listener_next(listener, &event);
		while (got == 1);
	}
	return got;
}

static int (*const waits[])(struct kreg *k) = { await_missing, await_gone, await_turn, await_lock,
						await_event };

static int wait_to_be_sent_away(int link, void *data)
{
	int (*const *wait)(struct kreg *) = data;
	struct kreg *k;

	link_say(link, try_open(&k));
	link_say(link, (*wait)(k));
	link_hear(link);
	return 0;
}

START_TEST(a_waiter_returns_when_the_guard_is_stopped_by_force)
{
	enum { WAITS = sizeof(waits) / sizeof(waits[0]) };
	struct child waiters[WAITS];
	struct kreg_lock lock;
	struct kreg *k;
	int64_t before;
	int i;

	start_guard(0);
	k = open_registry();
	ck_assert_int_eq(kreg_register(k, "name", KREG_STRING, "x", 1, NULL), 0);
	ck_assert_int_eq(kreg_lock(k, "lock", KREG_STRING, 0, &lock), 0);
	for (i = 0; i < WAITS; i++) {
		waiters[i] = child_start(wait_to_be_sent_away, (void *)(uintptr_t)&waits[i]);
		ck_assert_int_eq(link_hear(waiters[i].link), 0);
		child_await_sleep(&waiters[i]);
	}
	ck_assert_int_eq(stop_guard(false), -EBUSY);
	before = clock_ms();
	ck_assert_int_eq(stop_guard(true), 0);
	for (i = 0; i < WAITS; i++) {
		ck_assert_int_eq(link_hear(waiters[i].link), -EOWNERDEAD);
		printf("# waiter %d: sent away %lld ms after the stop\n", i,
		       (long long)(clock_ms() - before));
		ck_assert_int_lt(clock_ms() - before, PATIENCE_MS / 2);
		child_kill(&waiters[i]);
	}
	fflush(stdout);
	kreg_close(k);
}
END_TEST

int main(void)
{
	const TTest *const guard[] = {
		missed_lives_do_not_prevent_a_stop_of_the_guard,
		a_refused_stop_ends_no_life_and_expels_no_process,
		a_waiter_returns_when_the_guard_is_stopped_by_force,
		NULL,
	};

	return modes_run(suite_create("guard_stop"), NULL, NULL, tcase_create("guard"), guard);
}
