/* SPDX-License-Identifier: MIT */
/*
 * Of several processes that register one name, exactly one gets it, and the others learn
 * its pid.
 */
#include <check.h>
#include <errno.h>
#include <unistd.h>

#include "tests/support/child.h"
#include "tests/support/guard.h"

#define RACERS 8
#define ROUNDS 300

/* In each round tries to register, then reports the holder of the name. */
static int race(int link, void *data)
{
	struct kreg *k = mode_open(*(int *)data, "race");
	struct kreg_found holder = { 0 };
	int err;

	link_say(link, getpid());
	while (link_hear(link) != INT64_MIN) {
		err = kreg_register(k, "prize", KREG_STRING, "x", 1, &holder);
		link_say(link, err == -EEXIST ? holder.owner.pid : err ? err : getpid());
		link_hear(link);
		if (!err && kreg_unregister(k, "prize", KREG_STRING) != 1)
			return 1;
		link_say(link, 0);
	}
	return 0;
}

static void start_racers(struct child *racers, int count, int *mode)
{
	int i;

	for (i = 0; i < count; i++) {
		racers[i] = child_start(race, mode);
		ck_assert_int_eq(link_hear(racers[i].link), racers[i].pid);
	}
}

static void say_all(const struct child *racers, int count)
{
	int i;

	for (i = 0; i < count; i++)
		link_say(racers[i].link, 1);
}

static void run_race(int mode, int count)
{
	struct child racers[RACERS];
	struct kreg *k = mode_open(mode, "race");
	struct kreg_owner owner;
	int i, round;

	start_racers(racers, count, &mode);
	for (round = 0; round < ROUNDS; round++) {
		int64_t first;

		say_all(racers, count);
		first = link_hear(racers[0].link);
		for (i = 1; i < count; i++)
			ck_assert_int_eq(link_hear(racers[i].link), first);
		ck_assert_int_eq(kreg_lookup(k, "prize", KREG_STRING, NULL, 0, &owner), 1);
		ck_assert_int_eq(owner.pid, first);
		ck_assert_int_eq(kreg_count(k), 1);
		say_all(racers, count);
		for (i = 0; i < count; i++)
			ck_assert_int_eq(link_hear(racers[i].link), 0);
	}
	for (i = 0; i < count; i++)
		ck_assert_int_eq(child_end(&racers[i]), 0);
	kreg_close(k);
}

START_TEST(one_of_two_racers_wins_and_the_other_learns_its_pid)
{
	run_race(_i, 2);
}
END_TEST

START_TEST(one_of_eight_racers_wins)
{
	run_race(_i, RACERS);
}
END_TEST

START_TEST(the_name_of_a_killed_winner_is_free_again)
{
	struct child racers[2];
	struct kreg_owner owner;
	struct kreg *k = mode_open(_i, "race");

	start_racers(racers, 2, &_i);
	link_say(racers[0].link, 1);
	ck_assert_int_eq(link_hear(racers[0].link), racers[0].pid);
	child_kill(&racers[0]);
	link_say(racers[1].link, 1);
	ck_assert_int_eq(link_hear(racers[1].link), racers[1].pid);
	ck_assert_int_eq(kreg_lookup(k, "prize", KREG_STRING, NULL, 0, &owner), 1);
	ck_assert_int_eq(owner.pid, racers[1].pid);
	child_kill(&racers[1]);
	kreg_close(k);
}
END_TEST

int main(void)
{
	const TTest *const both[] = { one_of_two_racers_wins_and_the_other_learns_its_pid,
				      one_of_eight_racers_wins,
				      the_name_of_a_killed_winner_is_free_again, NULL };

	return modes_run(suite_create("race"), tcase_create("both"), both, NULL, NULL);
}
