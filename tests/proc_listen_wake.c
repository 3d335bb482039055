/* SPDX-License-Identifier: MIT */
/*
 * When a listener is woken, and what it costs others: a ring of its bell now and then, and nothing if it is stopped or dead.
 */
#include <check.h>
#include <poll.h>
#include <signal.h>

#include "lib/handle/handle.h"
#include "base/clock.h"
#include "shm/bell.h"
#include "tests/support/child.h"
#include "tests/support/events.h"
#include "tests/support/guard.h"
#include "tests/support/obedient.h"
#include "tests/support/unit.h"

#define PATIENCE_MS 60000

static struct kreg *k;
static struct kreg_listener *listener;
static int mode;

/* When the sleeper was last woken by a ring, and the least time until it asked for the next. */
static uint64_t rung_at, nearest;

int __real_bell_wait(uint32_t *bell, uint32_t seen, uint32_t *other, uint32_t other_seen,
		     uint64_t deadline);
int __wrap_bell_wait(uint32_t *bell, uint32_t seen, uint32_t *other, uint32_t other_seen,
		     uint64_t deadline);
uint32_t __real_bell_listen(uint32_t *bell);
uint32_t __wrap_bell_listen(uint32_t *bell);

int __wrap_bell_wait(uint32_t *bell, uint32_t seen, uint32_t *other, uint32_t other_seen,
		     uint64_t deadline)
{
	int err = __real_bell_wait(bell, seen, other, other_seen, deadline);

	/* relaxed: only the sleeper calls this in the process of the test */
	store_relaxed(&rung_at, err ? 0 : clock_now());
	return err;
}

uint32_t __wrap_bell_listen(uint32_t *bell)
{
	uint64_t rung = load_relaxed(&rung_at); /* relaxed: as above */
	uint64_t since = rung ? clock_now() - rung : UINT64_MAX;

	if (since < load_relaxed(&nearest))     /* relaxed: as above */
		store_relaxed(&nearest, since); /* relaxed: as above */
	return __real_bell_listen(bell);
}

static void open_listener(int in)
{
	mode = in;
	k = mode_open(in, "listen");
	ck_assert_int_eq(kreg_listen(&listener, k, NULL, 0), 0);
}

static void close_listener(void)
{
	kreg_listener_close(listener);
	kreg_close(k);
}

/* Just after it was woken the sleeper waits before it asks to be woken again. */
START_TEST(a_listener_is_closed_while_its_sleeper_waits)
{
	struct child child;
	int i;

	for (i = 0; i < 20; i++) {
		open_listener(_i);
		event_none(listener);
		child = obedient_start(mode, "listen");
		obedient_does(&child, REGISTER, 0);
		ck_assert_uint_eq(event_wait(listener).type, KREG_EVENT_REGISTER);
		event_none(listener);
		close_listener();
		child_kill(&child);
	}
}
END_TEST

/* However many events there are: each wake-up costs the writer a system call. */
START_TEST(a_listener_is_woken_some_thousand_times_a_second_at_most)
{
	struct pollfd at[2] = { { .events = POLLIN }, { .events = POLLIN } };
	struct kreg_event event;
	int updates;
	struct child child;

	open_listener(_i);
	child = obedient_start(mode, "listen");
	at[0].fd = kreg_listener_fd(listener);
	at[1].fd = child.link;
	event_none(listener);
	store_relaxed(&nearest, UINT64_MAX); /* relaxed: as above */
	link_say(child.link, MANY);
	while (!at[1].revents) {
		ck_assert_int_gt(poll(at, 2, PATIENCE_MS), 0);
		while (kreg_listener_next(listener, &event) == 1)
			;
	}
	ck_assert_int_eq(link_hear(child.link), 0);
	/* And one after the other, each as soon as the one before was heard. */
	obedient_does(&child, REGISTER, 0);
	while (kreg_listener_next(listener, &event) == 1)
		;
	for (updates = 0; updates < 200; updates++) {
		obedient_does(&child, UPDATE, 1);
		event_wait(listener);
		event_none(listener);
	}
	ck_assert_uint_ge(load_relaxed(&nearest), 250000); /* relaxed: as above */
	child_kill(&child);
	close_listener();
}
END_TEST

static int listen_and_stop(int link, void *data)
{
	(void)data;
	k = mode_open(mode, "listen");
	link_say(link, kreg_listen(&listener, k, NULL, 0));
	link_hear(link);
	return 0;
}

START_TEST(a_stopped_or_dead_listener_blocks_no_process)
{
	struct child slow;
	int i, round;

	mode = _i;
	k = mode_open(mode, "listen");
	slow = child_start(listen_and_stop, NULL);
	ck_assert_int_eq(link_hear(slow.link), 0);
	for (round = 0; round < 2; round++) {
		ck_assert(k->segment.header->listening & 1);
		if (!round)
			kill(slow.pid, SIGSTOP);
		else
			child_kill(&slow);
		for (i = 0; i < 20000; i++) {
			unit_assert(!kreg_register(k, "name", 4, NULL, 0, NULL));
			unit_assert(kreg_unregister(k, "name", 4) == 1);
		}
	}
	/* No listener is left, so no process writes logs any longer. */
	ck_assert(!(k->segment.header->listening & 1));
	kreg_close(k);
}
END_TEST

int main(void)
{
	const TTest *const both[] = {
		a_listener_is_closed_while_its_sleeper_waits,
		a_listener_is_woken_some_thousand_times_a_second_at_most,
		a_stopped_or_dead_listener_blocks_no_process,
		NULL,
	};

	return modes_run(suite_create("listen_wake"), tcase_create("both"), both, NULL, NULL);
}
