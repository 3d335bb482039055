/* SPDX-License-Identifier: MIT */
/*
 * kreg_service_beat(): a beat belongs to the life of the process that beats, and its age
 * is read by kreg_service_health().
 */
#include <check.h>
#include <sched.h>

#include "tests/support/child.h"
#include "tests/support/guard.h"

static struct kreg *k;
static int mode;

static void open_mode(int in)
{
	mode = in;
	k = mode_open(in, "beat");
}

enum order { REGISTER, BEAT };

/* Obeys orders as production / config, and reports each result. */
static int obey(int link, void *data)
{
	struct kreg *own = mode_open(mode, "beat");
	int64_t order;

	(void)data;
	link_say(link, 0);
	while ((order = link_hear(link)) != INT64_MIN)
		link_say(link, order == BEAT ? kreg_service_beat(own)
					     : kreg_service_register(own, "production", "config",
								     "up", 2, NULL));
	return 0;
}

/* The age of the last beat. */
static int64_t beat_ms(void)
{
	struct kreg_service_health health = { .size = sizeof(health) };

	ck_assert_int_eq(kreg_service_health(k, "production", "config", &health), 0);
	return health.beat_ms;
}

START_TEST(a_beat_belongs_to_the_life_that_beats)
{
	struct child child;
	int64_t last;

	open_mode(_i);
	child = child_start_ready(obey, NULL);
	ck_assert_int_eq(child_ask(&child, REGISTER), 0);
	ck_assert_int_eq(beat_ms(), -1);
	ck_assert_int_eq(child_ask(&child, BEAT), 0);
	last = beat_ms();
	ck_assert_int_ge(last, 0);
	while (beat_ms() < last + 20)
		sched_yield();
	last = beat_ms();
	ck_assert_int_eq(child_ask(&child, BEAT), 0);
	child_kill(&child);

	/* The next holder of the seat has never beaten. */
	child = child_start_ready(obey, NULL);
	ck_assert_int_eq(child_ask(&child, REGISTER), 0);
	ck_assert_int_eq(beat_ms(), -1);
	child_kill(&child);
	kreg_close(k);
}
END_TEST

int main(void)
{
	const TTest *const both[] = { a_beat_belongs_to_the_life_that_beats, NULL };

	return modes_run(suite_create("beat"), tcase_create("both"), both, NULL, NULL);
}
