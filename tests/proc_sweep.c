/* SPDX-License-Identifier: MIT */
/*
 * Sweeps: a sweeper reclaims the memory of the dead and never owns it; a registration does a
 * little of that, which stays done, and registrations keep up with the dead.
 */
#include <check.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "lib/handle/handle.h"
#include "shm/sweep.h"
#include "tests/support/child.h"
#include "tests/support/guard.h"
#include "tests/support/lines.h"
#include "tests/support/tmp.h"
#include "tests/support/trace.h"
#include "tests/support/unit.h"

static struct kreg *k;
static int mode;

/* Of many slabs. */
#define THEIRS 3000u
/* What one registration may take out. */
#define BUDGET 2u
#define LIVES 100u

/* Entries that this process has taken out. */
static uint32_t purged;
/* What happens to it when it has taken so many out; 0: nothing. */
static uint32_t halts_at;
static int halts_by;

int __real_table_purge(const struct writer *w, const struct query *q, place_t place);
int __wrap_table_purge(const struct writer *w, const struct query *q, place_t place);
int __wrap_table_purge(const struct writer *w, const struct query *q, place_t place)
{
	int err = __real_table_purge(w, q, place);

	if (++purged == halts_at)
		kill(getpid(), halts_by);
	return err;
}

/* A registry that no other case has filled: what a case counts is its own. */
static void open_mode(int in)
{
	KREG_OPTIONS(options, .directory = tmp_directory(), .guard = mode_guard(in));
	int err = kreg_destroy("sweep", &options, KREG_DESTROY_FORCE);

	ck_assert(!err || err == -ENOENT);
	mode = in;
	k = mode_open(in, "sweep");
}

/* Orders to a child, which answers with the result of the call. */
enum order { REGISTER = 1, SWEEP };

/* Reports its owner's token first. */
static int obey(int link, void *data)
{
	struct kreg *own = mode_open(mode, "sweep");
	struct kreg_owner self;
	int64_t order;

	(void)data;
	ck_assert_int_eq(kreg_self(own, &self), 0);
	link_say(link, (int64_t)self.token);
	while ((order = link_hear(link)) != INT64_MIN)
		link_say(link, order == SWEEP
				       ? kreg_sweep(own)
				       : kreg_register(own, "name", KREG_STRING, "v", 1, NULL));
	return 0;
}

static uint32_t dead_slab;

static bool is_the_sweepers(void *data)
{
	return land_owner(&k->segment, dead_slab) == *(owner_t *)data;
}

/*
 * At no instruction does the sweeper own it, because the sweeper might stop there, or
 * call exec, and live on.
 */
START_TEST(a_sweeper_never_owns_a_slab_of_the_dead)
{
	struct child dead, sweeper;
	owner_t owner;

	open_mode(_i);
	dead = child_start(obey, NULL);
	owner = (owner_t)link_hear(dead.link);
	ck_assert_int_eq(child_ask(&dead, REGISTER), 0);
	for (dead_slab = 0;; dead_slab++) {
		ck_assert_uint_lt(dead_slab, land_slabs(&k->segment));
		if (land_owner(&k->segment, dead_slab) == owner)
			break;
	}
	sweeper = child_start(obey, NULL);
	owner = (owner_t)link_hear(sweeper.link);
	child_kill(&dead);
	ck_assert(!trace_until(&sweeper, SWEEP, is_the_sweepers, &owner));
	ck_assert_int_eq(link_hear(sweeper.link), SLAB_BYTES);
	ck_assert(!land_owner(&k->segment, dead_slab) ||
		  land_is_retired(land_owner(&k->segment, dead_slab)));
	child_kill(&sweeper);
	kreg_close(k);
}
END_TEST

static void add(struct kreg *own, uint32_t from, uint32_t to)
{
	uint32_t i;

	for (i = from; i < to; i++)
		unit_assert(!kreg_register(own, &i, sizeof(i), &i, sizeof(i), NULL));
}

static void remove_all(uint32_t to)
{
	uint32_t i;

	for (i = 0; i < to; i++)
		unit_assert(kreg_unregister(k, &i, sizeof(i)) == 1);
}

/* Registers from @data on, as many as it hears; says how many it has taken out. */
static int adder(int link, void *data)
{
	struct kreg *own = mode_open(mode, "sweep");
	uint32_t from = *(uint32_t *)data;
	int64_t more;

	purged = 0;
	while ((more = link_hear(link)) != INT64_MIN) {
		add(own, from, from + (uint32_t)more);
		from += (uint32_t)more;
		link_say(link, purged);
	}
	return 0;
}

/* One that dies with THEIRS names. */
static void leave_dead(uint32_t from)
{
	struct child dead = child_start(adder, &from);

	ck_assert_int_eq(child_ask(&dead, THEIRS), 0);
	child_kill(&dead);
}

static uint64_t bytes_dead(void)
{
	struct kreg_stat stat = { .size = sizeof(stat) };

	ck_assert_int_eq(kreg_stat(k, &stat), 0);
	return stat.bytes_dead;
}

static void all_is_well(uint32_t own)
{
	ck_assert_int_eq(kreg_count(k), own);
	ck_assert_uint_eq(lines_check(k).ended, 0);
	ck_assert_int_eq(kreg_check(k, NULL, NULL), 0);
}

START_TEST(a_registration_takes_few_entries_out_and_keeps_up_with_the_dead)
{
	uint64_t dead, before;
	uint32_t i, slabs;

	open_mode(_i);
	leave_dead(1u << 20);
	before = dead = bytes_dead();
	ck_assert_uint_ge(dead, THEIRS * 64);
	slabs = land_slabs(&k->segment);
	for (i = 0; dead; i++) {
		purged = 0;
		add(k, i, i + 1);
		unit_assert(purged <= BUDGET);
		dead = bytes_dead();
		unit_assert(dead <= before);
		before = dead;
	}
	printf("# %u registrations took %u entries out\n", i, THEIRS);
	ck_assert_uint_le(i, THEIRS / BUDGET + slabs);
	all_is_well(i);
	kreg_close(k);
}
END_TEST

/* Each does a part of a slab, and no more: together they do all. */
START_TEST(what_one_that_died_has_taken_out_stays_out)
{
	uint32_t from = 1u << 20, generations, out = 0, theirs = 0;

	open_mode(_i);
	leave_dead(from);
	from += THEIRS;
	for (generations = 0; out < THEIRS; generations++) {
		struct child one = child_start(adder, &from);

		theirs = (uint32_t)child_ask(&one, 40);
		ck_assert_uint_gt(theirs, 0);
		out += theirs;
		from += 40;
		child_kill(&one);
		/* Each also leaves 40 of its own, so more than that have to be taken out. */
		ck_assert_uint_lt(generations, THEIRS / (BUDGET * 40 - 40) + 10);
	}
	printf("# %u processes took %u entries out\n", generations, out);
	add(k, 0, 2000);
	ck_assert_uint_eq(bytes_dead(), 0);
	/* None twice. */
	ck_assert_uint_eq(out + purged, THEIRS + generations * 40);
	all_is_well(2000);
	kreg_close(k);
}
END_TEST

/* Each takes three slabs, and nobody asks for anything but names. */
START_TEST(many_short_lives_use_the_same_memory)
{
	uint32_t from = 0, i;

	open_mode(_i);
	for (i = 0; i < LIVES; i++, from += 40) {
		struct child one = child_start(adder, &from);

		child_ask(&one, 40);
		child_kill(&one);
	}
	printf("# %u processes, one after the other: %u slabs\n", LIVES, land_slabs(&k->segment));
	ck_assert_uint_le(land_slabs(&k->segment), 2 * SLAB_RUN);
	kreg_close(k);
}
END_TEST

static int halter(int link, void *data)
{
	struct kreg *own = mode_open(mode, "sweep");
	int64_t bytes;

	(void)data;
	link_hear(link);
	purged = 0;
	halts_at = 100;
	bytes = kreg_sweep(own);
	link_say(link, bytes < 0 ? bytes : 0);
	link_hear(link);
	return 0;
}

/* Between taking an entry out and saying so. */
START_TEST(one_that_halts_inside_a_sweep_is_in_nobodys_way)
{
	struct child sweeper;
	int by;

	open_mode(_i);
	for (by = SIGKILL;; by = SIGSTOP) {
		leave_dead(1u << 20);
		halts_by = by;
		sweeper = child_start(halter, NULL);
		link_say(sweeper.link, 0);
		if (by == SIGSTOP)
			child_await_stop(&sweeper);
		else
			child_end(&sweeper);
		ck_assert_int_gt(kreg_sweep(k), 0);
		ck_assert_uint_eq(bytes_dead(), 0);
		/* Its memory is used again, but for what it names. */
		add(k, 0, 2 * THEIRS);
		if (by == SIGSTOP) {
			kill(sweeper.pid, SIGCONT);
			ck_assert_int_eq(link_hear(sweeper.link), 0);
			child_kill(&sweeper);
		}
		all_is_well(2 * THEIRS);
		if (by == SIGSTOP)
			break;
		remove_all(2 * THEIRS);
	}
	kreg_close(k);
}
END_TEST

int main(void)
{
	const TTest *const both[] = {
		a_sweeper_never_owns_a_slab_of_the_dead,
		a_registration_takes_few_entries_out_and_keeps_up_with_the_dead,
		what_one_that_died_has_taken_out_stays_out,
		many_short_lives_use_the_same_memory,
		one_that_halts_inside_a_sweep_is_in_nobodys_way,
		NULL,
	};

	return modes_run(suite_create("sweep"), tcase_create("both"), both, NULL, NULL);
}
