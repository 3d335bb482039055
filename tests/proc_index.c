/* SPDX-License-Identifier: MIT */
/*
 * The index beside processes that are killed, stopped or call exec inside of its steps: no
 * lookup misses a name that is never free, none finds one of the dead, and index and list
 * agree afterwards. KREG_INDEX_SECONDS=20 is for a long run.
 */
#include <check.h>
#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "shm/table_search.h"
#include "tests/support/child.h"
#include "tests/support/guard.h"
#include "tests/support/halt.h"
#include "tests/support/lines.h"
#include "tests/support/program.h"
#include "tests/support/unit.h"

#define NAME "index"
#define KEY 32
#define READERS 2
#define CHURNERS 3
#define HELD 8
/* Of each churner: with those of all, the table grows while they run. */
#define OWN 1500

/* What all processes of a test share. */
struct board {
	_Atomic int over;
	_Atomic long looks, missed, wrong;
};
static struct board *board;

/* The steps, each with a halt in front of it and behind it. */
int __real_index_claim(const struct writer *w, const struct query *q, place_t place,
		       struct index_claim *claim);
int __wrap_index_claim(const struct writer *w, const struct query *q, place_t place,
		       struct index_claim *claim);
int __wrap_index_claim(const struct writer *w, const struct query *q, place_t place,
		       struct index_claim *claim)
{
	int err;

	halt_here();
	err = __real_index_claim(w, q, place, claim);
	halt_here();
	return err;
}

void __real_index_settle(const struct index_claim *claim, uint64_t info);
void __wrap_index_settle(const struct index_claim *claim, uint64_t info);
void __wrap_index_settle(const struct index_claim *claim, uint64_t info)
{
	halt_here();
	__real_index_settle(claim, info);
	halt_here();
}

bool __real_index_clear(const struct writer *w, order_t order, place_t place);
bool __wrap_index_clear(const struct writer *w, order_t order, place_t place);
bool __wrap_index_clear(const struct writer *w, order_t order, place_t place)
{
	bool cleared;

	halt_here();
	cleared = __real_index_clear(w, order, place);
	halt_here();
	return cleared;
}

/* In front of the CAS by which one entry takes the place of another: no check follows. */
static bool halts_at_mark;

bool __real_table_cas(uint64_t *link, ref_t *seen, ref_t next);
bool __wrap_table_cas(uint64_t *link, ref_t *seen, ref_t next);
bool __wrap_table_cas(uint64_t *link, ref_t *seen, ref_t next)
{
	if (halts_at_mark && next & REF_MARK)
		halt_here();
	return __real_table_cas(link, seen, next);
}

static struct kreg *open_names(int mode)
{
	/* As little memory as the names take, so that blocks are used again at once. */
	KREG_OPTIONS(options, .max_bytes = 1 << 20, .seats = 32, .slots = 64);

	return mode_open_as(mode, NAME, &options);
}

static bool is_found(struct kreg *k, const char *key)
{
	ssize_t got = kreg_lookup(k, key, KREG_STRING, NULL, 0, NULL);

	unit_assert(got >= 0 || got == -ENOENT);
	return got >= 0;
}

static void grow(struct kreg *k, const char *prefix, int names)
{
	char key[KEY];
	int i;

	for (i = 0; i < names; i++) {
		snprintf(key, sizeof(key), "%s-%d", prefix, i);
		ck_assert_int_eq(kreg_register(k, key, KREG_STRING, "g", 1, NULL), 0);
	}
}

enum what { REGISTER, UPDATE, UNREGISTER, PUBLISH, REPLACE, MANY, WHATS };

static int act(struct kreg *k, int what)
{
	const struct kreg_item item = { "new", KREG_STRING, "n", 1 };

	switch (what) {
	case REGISTER:
		return kreg_register(k, "new", KREG_STRING, "n", 1, NULL);
	case UPDATE:
		return (int)kreg_update(k, "own", KREG_STRING, "n", 1, NULL, 0);
	case UNREGISTER:
		return kreg_unregister(k, "own", KREG_STRING);
	case PUBLISH:
		return kreg_publish(k, "reserved", KREG_STRING, "n", 1);
	case MANY:
		return kreg_register_many(k, &item, 1, NULL);
	default:
		return kreg_register_with(k, "replaceable", KREG_STRING, "n", 1,
					  KREG_REGISTER_REPLACE, NULL);
	}
}

struct victim {
	int mode, what, how, steps;
	bool at_mark;
};

static int victim(int link, void *data)
{
	const struct victim *of = data;
	struct kreg *k = open_names(of->mode);

	if (kreg_register(k, "own", KREG_STRING, "o", 1, NULL) ||
	    kreg_register_with(k, "reserved", KREG_STRING, "o", 1, KREG_REGISTER_RESERVED, NULL))
		return 1;
	link_say(link, 0);
	halts_at_mark = of->at_mark;
	halt_at(of->how, of->steps);
	act(k, of->what);
	halt_done();
	link_hear(link);
	return 0;
}

/*
 * What others do beside it: a name of each kind of its own can be found, or not, as the list
 * says; its new name can be registered if it is free.
 */
static void use_beside(struct kreg *k, const struct victim *of, bool dead)
{
	static const char *const names[] = { "own", "new", "reserved", "replaceable", "mine" };
	size_t i;

	ck_assert(is_found(k, "mine"));
	/* It is the parent's, or the victim's, or the parent's again. */
	ck_assert(is_found(k, "replaceable"));
	if (of->what == UPDATE && !dead)
		ck_assert(is_found(k, "own"));
	for (i = 0; i < sizeof(names) / sizeof(*names); i++) {
		struct query q = table_query(&k->segment, names[i], strlen(names[i]));
		struct found found;
		int listed = table_find(&k->segment, &k->lives, &q, &found);

		ck_assert_int_eq(is_found(k, names[i]), !listed);
		if (dead && (i == 0 || i == 2))
			ck_assert(!is_found(k, names[i]));
	}
	if (dead) {
		ck_assert_int_eq(kreg_register(k, "own", KREG_STRING, "p", 1, NULL), 0);
		ck_assert(is_found(k, "own"));
		ck_assert_int_eq(kreg_register(k, "new", KREG_STRING, "p", 1, NULL), 0);
		ck_assert(is_found(k, "new"));
		ck_assert_int_eq(kreg_unregister(k, "new", KREG_STRING), 1);
		ck_assert(!is_found(k, "new"));
		ck_assert_int_eq(kreg_unregister(k, "own", KREG_STRING), 1);
		ck_assert(!is_found(k, "own"));
	}
}

static bool halt_victim(struct kreg *k, struct victim *of)
{
	struct child child;
	struct lines lines;
	bool halted;

	halt_new();
	child = child_start_ready(victim, of);
	halted = halt_comes();
	if (halted && of->how == HALT_KILL)
		child_end(&child);
	/* Or it could get SIGCONT before it stops. */
	if (halted && of->how == HALT_STOP)
		child_await_stop(&child);
	if (halted)
		use_beside(k, of, of->how == HALT_KILL);
	if (halted && of->how == HALT_STOP) {
		lines_check(k);
		grow(k, "beside", 5);
		kill(child.pid, SIGCONT);
		halt_await_done();
		ck_assert(is_found(k, "mine"));
		lines_check(k);
	}
	if (!halted || of->how != HALT_KILL)
		child_kill(&child);
	use_beside(k, of, true);
	lines_check(k);
	ck_assert_int_ge(kreg_sweep(k), 0);
	kreg_unregister(k, "beside-0", KREG_STRING);
	kreg_unregister(k, "beside-1", KREG_STRING);
	kreg_unregister(k, "beside-2", KREG_STRING);
	kreg_unregister(k, "beside-3", KREG_STRING);
	kreg_unregister(k, "beside-4", KREG_STRING);
	lines = lines_check(k);
	ck_assert_uint_eq(lines.ended, 0);
	ck_assert_uint_eq(lines.lost, 0);
	ck_assert_uint_eq(lines.cells, 2);
	ck_assert_int_eq(kreg_check(k, NULL, NULL), 0);
	return halted;
}

START_TEST(a_halt_at_any_step_leaves_the_index_right)
{
	struct kreg *k = open_names(_i);
	struct victim of = { .mode = _i };
	int halts = 0;

	ck_assert_int_eq(kreg_register(k, "mine", KREG_STRING, "m", 1, NULL), 0);
	ck_assert_int_eq(kreg_register_with(k, "replaceable", KREG_STRING, "r", 1,
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

START_TEST(a_level_waits_for_one_that_links_late)
{
	struct kreg *k = open_names(_i);
	struct victim of = {
		.mode = _i, .what = UPDATE, .how = HALT_STOP, .steps = 3, .at_mark = true
	};
	struct segment_header *header = k->segment.header;
	uint64_t before = header->buckets, epoch, i;
	struct child child;
	char value[4] = "";

	halt_new();
	child = child_start_ready(victim, &of);
	ck_assert(halt_comes());
	child_await_stop(&child);
	grow(k, "many", (int)before * 6);
	ck_assert_uint_ge(header->buckets, 2 * before);
	epoch = header->epoch;
	for (i = 0; header->epoch - epoch < 5; i++)
		grace_advance(&k->segment, &k->lives, GRACE_AT_ONCE, NULL);
	for (i = 0; i < 200; i++) {
		kreg_register(k, "again", KREG_STRING, "x", 1, NULL);
		kreg_unregister(k, "again", KREG_STRING);
		ck_assert(is_found(k, "own"));
	}
	ck_assert_uint_eq(header->level & LEVEL_SETTLED, 0);
	for (i = before; i < header->buckets; i++)
		unit_assert(!(k->segment.lines[i].control & INDEX_COMPLETE));
	lines_check(k);
	kill(child.pid, SIGCONT);
	halt_await_done();
	ck_assert_int_eq(kreg_lookup(k, "own", KREG_STRING, value, sizeof(value), NULL), 1);
	ck_assert_str_eq(value, "n");
	lines_check(k);
	for (i = 0; i < 1000 && !(header->level & LEVEL_SETTLED); i++) {
		kreg_register(k, "again", KREG_STRING, "x", 1, NULL);
		kreg_unregister(k, "again", KREG_STRING);
		ck_assert(is_found(k, "own"));
	}
	ck_assert_uint_eq(header->level & LEVEL_SETTLED, LEVEL_SETTLED);
	lines_check(k);
	child_kill(&child);
	ck_assert(!is_found(k, "own"));
	kreg_close(k);
}
END_TEST

struct actor {
	int mode, number;
};

/* Moves the names among its own handle's calls; they are never free. */
static int holder(int link, void *data)
{
	const struct actor *of = data;
	struct kreg *k = open_names(of->mode);
	char key[KEY];
	unsigned int i;

	for (i = 0; i < HELD; i++) {
		snprintf(key, sizeof(key), "held-%u", i);
		if (kreg_register(k, key, KREG_STRING, key, strlen(key), NULL))
			return 1;
	}
	link_say(link, 0);
	for (i = 0; !board->over; i++) {
		snprintf(key, sizeof(key), "held-%u", i % HELD);
		kreg_update(k, key, KREG_STRING, key, strlen(key), NULL, 0);
	}
	kreg_close(k);
	return 0;
}

/* The value of each name is the name. */
static void look_for(struct kreg *k, const char *key, bool is_held)
{
	char value[KEY];
	ssize_t got = kreg_lookup(k, key, KREG_STRING, value, sizeof(value), NULL);

	board->looks++;
	if (got == -ENOENT)
		/* The holder goes when all is over. */
		board->missed += is_held && !board->over;
	else if (got != (ssize_t)strlen(key) || memcmp(value, key, strlen(key)))
		board->wrong++;
}

static int reader(int link, void *data)
{
	const struct actor *of = data;
	struct kreg *k = open_names(of->mode);
	unsigned int seed = (unsigned int)of->number, i;
	char key[KEY];

	link_say(link, 0);
	for (i = 0; !board->over; i++) {
		snprintf(key, sizeof(key), "held-%u", i % HELD);
		look_for(k, key, true);
		snprintf(key, sizeof(key), "churn-%d-%d", rand_r(&seed) % CHURNERS,
			 rand_r(&seed) % OWN);
		look_for(k, key, false);
	}
	kreg_close(k);
	return 0;
}

static int churner(int link, void *data)
{
	const struct actor *of = data;
	struct kreg *k = open_names(of->mode);
	unsigned int seed = (unsigned int)(clock_now() ^ (uint64_t)getpid());
	bool has[OWN] = { false };
	char key[KEY];

	link_say(link, 0);
	while (!board->over) {
		struct kreg_item item = { .key = key, .key_size = KREG_STRING, .value = key };
		int i = rand_r(&seed) % OWN, err;

		snprintf(key, sizeof(key), "churn-%d-%d", of->number, i);
		item.value_size = strlen(key);
		if (has[i] && rand_r(&seed) % 2) {
			err = (int)kreg_update(k, key, KREG_STRING, key, strlen(key), NULL, 0);
		} else if (has[i]) {
			err = kreg_unregister(k, key, KREG_STRING);
			board->wrong += err != 1 || is_found(k, key);
			has[i] = false;
		} else if (rand_r(&seed) % 4 == 0) {
			err = kreg_register_many(k, &item, 1, NULL);
			has[i] = !err;
		} else if (rand_r(&seed) % 4) {
			err = kreg_register(k, key, KREG_STRING, key, strlen(key), NULL);
			has[i] = !err;
		} else {
			err = kreg_register_with(k, key, KREG_STRING, "r", 1,
						 KREG_REGISTER_RESERVED, NULL);
			board->wrong += !err && is_found(k, key);
			if (!err)
				err = kreg_publish(k, key, KREG_STRING, key, strlen(key));
			if (err == -ENOSPC)
				kreg_unregister(k, key, KREG_STRING);
			has[i] = !err;
		}
		if (err != -ENOSPC)
			board->wrong += (has[i] && !is_found(k, key)) || err < 0;
	}
	return 0;
}

/* After its death was seen. */
static void expect_none(struct kreg *k, int number)
{
	char key[KEY];
	int i;

	for (i = 0; i < OWN; i++) {
		snprintf(key, sizeof(key), "churn-%d-%d", number, i);
		unit_assert(!is_found(k, key));
	}
}

START_TEST(no_lookup_is_wrong_beside_kills_and_stops)
{
	uint64_t until = clock_now() + unit_many("KREG_INDEX_SECONDS", 2) * 1000000000ull;
	struct kreg *k = open_names(_i);
	struct child churners[CHURNERS], readers[READERS], holds;
	struct actor of = { .mode = _i };
	unsigned int seed = unit_seed();
	struct lines lines;
	long kills = 0;
	int i;

	printf("# KREG_SEED=%u\n", seed);
	fflush(stdout);
	board = child_shared(sizeof(*board));
	holds = child_start_ready(holder, &of);
	for (of.number = 0; of.number < READERS; of.number++)
		readers[of.number] = child_start_ready(reader, &of);
	for (of.number = 0; of.number < CHURNERS; of.number++)
		churners[of.number] = child_start_ready(churner, &of);
	while (clock_now() < until) {
		const struct timespec some = { .tv_nsec = 1000000l + rand_r(&seed) % 30000000 };

		of.number = rand_r(&seed) % CHURNERS;
		nanosleep(&some, NULL);
		if (rand_r(&seed) % 2) {
			kill(churners[of.number].pid, SIGSTOP);
			nanosleep(&some, NULL);
			kill(churners[of.number].pid, SIGCONT);
			continue;
		}
		child_kill(&churners[of.number]);
		expect_none(k, of.number);
		churners[of.number] = child_start_ready(churner, &of);
		kills++;
	}
	board->over = 1;
	for (i = 0; i < CHURNERS; i++)
		child_kill(&churners[i]);
	ck_assert_int_eq(child_end(&holds), 0);
	for (i = 0; i < READERS; i++)
		ck_assert_int_eq(child_end(&readers[i]), 0);
	printf("# %ld looks, %ld kills, %llu buckets\n", (long)board->looks, kills,
	       (unsigned long long)k->segment.header->buckets);
	fflush(stdout);
	ck_assert_int_eq(board->missed, 0);
	ck_assert_int_eq(board->wrong, 0);
	lines_check(k);
	ck_assert_int_ge(kreg_sweep(k), 0);
	lines = lines_check(k);
	ck_assert_uint_eq(lines.ended, 0);
	ck_assert_uint_eq(lines.names, 0);
	ck_assert_uint_eq(lines.cells, 0);
	ck_assert_int_eq(kreg_check(k, NULL, NULL), 0);
	kreg_close(k);
}
END_TEST

int main(int argc, char **argv)
{
	const TTest *const both[] = {
		a_halt_at_any_step_leaves_the_index_right,
		a_level_waits_for_one_that_links_late,
		no_lookup_is_wrong_beside_kills_and_stops,
		NULL,
	};

	program_run(argc, argv);
	return modes_run(suite_create("index"), tcase_create("both"), both, NULL, NULL);
}
