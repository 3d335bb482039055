/* SPDX-License-Identifier: MIT */
/*
 * Groups beside processes that are killed, stopped or call exec inside of their steps, and
 * beside names that pass from entry to entry: no listing misses a name that is held all the
 * time that it looks, none shows one of the dead, and no cell is left behind.
 * KREG_GROUP_SECONDS=20 is for a long run.
 */
#include <check.h>
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "shm/group.h"
#include "tests/support/child.h"
#include "tests/support/groups.h"
#include "tests/support/guard.h"
#include "tests/support/halt.h"
#include "tests/support/program.h"
#include "tests/support/unit.h"

#define NAME "group"
#define KEY 64
/* Names that are never free; some are updated, and some given, all the time. */
#define HELD 24
#define GIVEN 4
#define CHURNERS 3
#define OWN 200
/* Of the names that fill the first lines. */
#define FILL 30

/* What all processes of a test share. */
struct board {
	_Atomic int over;
	_Atomic long missed, twice;
};
static struct board *board;

/* The steps, each with a halt in front of it and behind it. */
void __real_group_take(const struct segment *s, const struct query *q, uint32_t size, place_t place,
		       place_t before, struct group_claim *claim);
void __wrap_group_take(const struct segment *s, const struct query *q, uint32_t size, place_t place,
		       place_t before, struct group_claim *claim);
void __wrap_group_take(const struct segment *s, const struct query *q, uint32_t size, place_t place,
		       place_t before, struct group_claim *claim)
{
	halt_here();
	__real_group_take(s, q, size, place, before, claim);
	halt_here();
}

void __real_group_drop(const struct segment *s, const struct query *q, uint32_t size,
		       place_t place);
void __wrap_group_drop(const struct segment *s, const struct query *q, uint32_t size,
		       place_t place);
void __wrap_group_drop(const struct segment *s, const struct query *q, uint32_t size, place_t place)
{
	halt_here();
	__real_group_drop(s, q, size, place);
	halt_here();
}

bool __real_table_cas(uint64_t *link, ref_t *seen, ref_t next);
bool __wrap_table_cas(uint64_t *link, ref_t *seen, ref_t next);
bool __wrap_table_cas(uint64_t *link, ref_t *seen, ref_t next)
{
	bool done;

	halt_here();
	done = __real_table_cas(link, seen, next);
	halt_here();
	return done;
}

static struct kreg *open_names(int mode)
{
	KREG_OPTIONS(options, .max_bytes = 4 << 20, .seats = 32, .slots = 64);

	return mode_open_as(mode, NAME, &options);
}

static void fill(struct kreg *k)
{
	char key[KEY];
	int i;

	for (i = 0; i < FILL; i++) {
		snprintf(key, sizeof(key), "ns/fill-%d", i);
		ck_assert_int_eq(kreg_register(k, key, KREG_STRING, "f", 1, NULL), 0);
	}
}

enum what { REGISTER, UPDATE, UNREGISTER, PUBLISH, REPLACE, GIVE, MANY, WHATS };

/* To the parent, which is alive. */
static struct kreg_owner heir;

static int act(struct kreg *k, int what)
{
	const struct kreg_item item = { "ns/new", KREG_STRING, "n", 1 };

	switch (what) {
	case REGISTER:
		return kreg_register(k, "ns/new", KREG_STRING, "n", 1, NULL);
	case UPDATE:
		return (int)kreg_update(k, "ns/own", KREG_STRING, "n", 1, NULL, 0);
	case UNREGISTER:
		return kreg_unregister(k, "ns/own", KREG_STRING);
	case PUBLISH:
		return kreg_publish(k, "ns/reserved", KREG_STRING, "n", 1);
	case GIVE:
		return kreg_give(k, "ns/own", KREG_STRING, &heir);
	case MANY:
		return kreg_register_many(k, &item, 1, NULL);
	default:
		return kreg_register_with(k, "ns/replaceable", KREG_STRING, "n", 1,
					  KREG_REGISTER_REPLACE, NULL);
	}
}

struct victim {
	int mode, what, how, steps;
};

static int victim(int link, void *data)
{
	const struct victim *of = data;
	struct kreg *k = open_names(of->mode);

	if (kreg_register(k, "ns/own", KREG_STRING, "o", 1, NULL) ||
	    kreg_register_with(k, "ns/reserved", KREG_STRING, "o", 1, KREG_REGISTER_RESERVED, NULL))
		return 1;
	link_say(link, 0);
	halt_at(of->how, of->steps);
	act(k, of->what);
	halt_done();
	link_hear(link);
	return 0;
}

/* The lines have all names, and listings are those of the list. */
static void expect_right(struct kreg *k)
{
	struct groups groups = groups_check(k);

	ck_assert(!groups.lost);
	/* The parent's, and those that the victim holds. */
	ck_assert_int_ge(groups_list(k, "ns/"), FILL + 1);
	ck_assert_int_eq(groups_list(k, "ns/fill-"), FILL);
	ck_assert_int_eq(groups_list(k, "none/"), 0);
}

static bool halt_victim(struct kreg *k, struct victim *of)
{
	struct groups groups;
	struct child child;
	bool halted;

	halt_new();
	child = child_start_ready(victim, of);
	halted = halt_comes();
	if (halted && of->how == HALT_KILL)
		child_end(&child);
	/* Or it could get SIGCONT before it stops. */
	if (halted && of->how == HALT_STOP)
		child_await_stop(&child);
	expect_right(k);
	if (halted && of->how == HALT_STOP) {
		kill(child.pid, SIGCONT);
		halt_await_done();
		expect_right(k);
	}
	if (!halted || of->how != HALT_KILL)
		child_kill(&child);
	expect_right(k);
	/* What was given before the end is the parent's. */
	kreg_unregister(k, "ns/own", KREG_STRING);
	ck_assert_int_ge(kreg_sweep(k), 0);
	ck_assert_int_ge(kreg_sweep(k), 0);
	groups = groups_check(k);
	ck_assert_uint_eq(groups.cells, FILL + 1);
	ck_assert_uint_eq(groups.ended, 0);
	ck_assert_int_eq(groups_list(k, "ns/"), FILL + 1);
	ck_assert_int_eq(kreg_check(k, NULL, NULL), 0);
	return halted;
}

START_TEST(a_halt_at_any_step_leaves_the_groups_right)
{
	struct kreg *k = open_names(_i);
	struct victim of = { .mode = _i };
	int halts = 0;

	kreg_self(k, &heir);
	fill(k);
	ck_assert_int_eq(kreg_register_with(k, "ns/replaceable", KREG_STRING, "r", 1,
					    KREG_REGISTER_REPLACEABLE, NULL),
			 0);
	for (of.what = 0; of.what < WHATS; of.what++) {
		for (of.how = 0; of.how < (_i == MODE_GUARD ? HALTS : HALT_EXEC); of.how++) {
			for (of.steps = 1; halt_victim(k, &of); of.steps++)
				halts++;
		}
	}
	ck_assert_int_ge(halts, 40);
	kreg_close(k);
}
END_TEST

struct actor {
	int mode, number;
};

static void hold(struct kreg *k, int i)
{
	char key[KEY];

	snprintf(key, sizeof(key), "held/%d", i);
	ck_assert_int_eq(kreg_register(k, key, KREG_STRING, "h", 1, NULL), 0);
}

/* Two processes of this; each updates what it has, and gives some to the other. */
static int holder(int link, void *data)
{
	const struct actor *of = data;
	struct kreg *k = open_names(of->mode);
	unsigned int seed = (unsigned int)getpid();
	struct kreg_owner other;
	char key[KEY];
	int i;

	for (i = of->number; i < HELD; i += 2)
		hold(k, i);
	kreg_self(k, &other);
	link_say(link, 0);
	/* The other one is who holds the name next to ours. */
	while (kreg_lookup(k, of->number ? "held/0" : "held/1", KREG_STRING, NULL, 0, &other) < 0)
		sched_yield();
	while (!board->over) {
		i = rand_r(&seed) % HELD;
		snprintf(key, sizeof(key), "held/%d", i);
		if (i >= 2 && i < 2 + GIVEN)
			kreg_give(k, key, KREG_STRING, &other);
		else
			kreg_update(k, key, KREG_STRING, "u", 1, NULL, 0);
	}
	link_say(link, 1);
	link_hear(link);
	return 0;
}

/* Fills and empties the lines; some names of the same group, and so in the same lines. */
static int churner(int link, void *data)
{
	const struct actor *of = data;
	struct kreg *k = open_names(of->mode);
	unsigned int seed = (unsigned int)(clock_now() ^ (uint64_t)getpid());
	char key[KEY];

	link_say(link, 0);
	while (!board->over) {
		snprintf(key, sizeof(key), "%s/churn-%d-%d", rand_r(&seed) % 2 ? "held" : "other",
			 of->number, rand_r(&seed) % OWN);
		switch (rand_r(&seed) % 3) {
		case 0:
			kreg_register(k, key, KREG_STRING, "c", 1, NULL);
			break;
		case 1:
			kreg_update(k, key, KREG_STRING, "d", 1, NULL, 0);
			break;
		default:
			kreg_unregister(k, key, KREG_STRING);
		}
	}
	return 0;
}

struct seen {
	int of[HELD];
};

static int see(const struct kreg_entry *entry, void *data)
{
	struct seen *seen = data;
	char key[KEY];
	int i;

	snprintf(key, sizeof(key), "%.*s", (int)entry->key_size, (const char *)entry->key);
	if (sscanf(key, "held/%d", &i) == 1)
		seen->of[i]++;
	return 0;
}

static void list_once(struct kreg *k)
{
	struct seen seen = { { 0 } };
	int i;

	ck_assert_int_eq(kreg_each(k, "held/", KREG_STRING, see, &seen), 0);
	for (i = 0; i < HELD; i++) {
		board->missed += !seen.of[i];
		board->twice += seen.of[i] > 1;
	}
}

/* Names of the dead, after the death was seen. */
static int count_churned(const struct kreg_entry *entry, void *data)
{
	char key[KEY], of[KEY];
	int *number = data;

	snprintf(key, sizeof(key), "%.*s", (int)entry->key_size, (const char *)entry->key);
	snprintf(of, sizeof(of), "held/churn-%d-", *number);
	unit_assert(strncmp(key, of, strlen(of)));
	return 0;
}

START_TEST(no_listing_is_wrong_beside_kills_and_updates)
{
	uint64_t until = clock_now() + unit_many("KREG_GROUP_SECONDS", 2) * 1000000000ull;
	struct kreg *k = open_names(_i);
	struct child churners[CHURNERS], holders[2];
	struct actor of = { .mode = _i };
	unsigned int seed = unit_seed();
	struct groups groups;
	long lists = 0;
	int i;

	printf("# KREG_SEED=%u\n", seed);
	fflush(stdout);
	board = child_shared(sizeof(*board));
	for (of.number = 0; of.number < 2; of.number++)
		holders[of.number] = child_start_ready(holder, &of);
	for (of.number = 0; of.number < CHURNERS; of.number++)
		churners[of.number] = child_start_ready(churner, &of);
	while (clock_now() < until) {
		for (i = 0; i < 200; i++, lists++)
			list_once(k);
		of.number = rand_r(&seed) % CHURNERS;
		child_kill(&churners[of.number]);
		ck_assert_int_eq(kreg_each(k, "held/", KREG_STRING, count_churned, &of.number), 0);
		churners[of.number] = child_start_ready(churner, &of);
	}
	board->over = 1;
	for (i = 0; i < CHURNERS; i++)
		child_kill(&churners[i]);
	for (i = 0; i < 2; i++)
		ck_assert_int_eq(link_hear(holders[i].link), 1);
	printf("# %ld listings\n", lists);
	fflush(stdout);
	ck_assert_int_eq(board->missed, 0);
	ck_assert_int_eq(board->twice, 0);
	ck_assert_int_ge(kreg_sweep(k), 0);
	ck_assert_int_eq(groups_list(k, "held/"), HELD);
	for (i = 0; i < 2; i++)
		child_kill(&holders[i]);
	ck_assert_int_ge(kreg_sweep(k), 0);
	groups = groups_check(k);
	ck_assert(!groups.lost);
	ck_assert_uint_eq(groups.cells, 0);
	ck_assert_int_eq(kreg_check(k, NULL, NULL), 0);
	kreg_close(k);
}
END_TEST

int main(int argc, char **argv)
{
	const TTest *const both[] = {
		a_halt_at_any_step_leaves_the_groups_right,
		no_listing_is_wrong_beside_kills_and_updates,
		NULL,
	};

	program_run(argc, argv);
	return modes_run(suite_create("group"), tcase_create("both"), both, NULL, NULL);
}
