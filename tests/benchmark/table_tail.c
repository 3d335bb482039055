/* SPDX-License-Identifier: MIT */
/*
 * The table of tails: the slowest of a thousand lookups, alone, beside a process that
 * registers and unregisters at full speed, and beside one that makes the registry larger;
 * and, for comparison, beside one that does so elsewhere: what a busy second CPU costs. The process that looks up has found each name once before: a page that it touches for the
 * first time is a fault, of which as many as one in a thousand would be the slowest lookups.
 * Those that remain are due to the writer, and counted.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>

#include "tests/benchmark/processes.h"
#include "tests/benchmark/tables.h"

#define ENTRIES 100000u
#define LOOKUPS 200000u
#define ELSEWHERE "elsewhere"

/* Shared with the processes that measure. */
struct tail {
	const struct bench_options *options;
	uint32_t done;
	long faults; /* of the lookups, in the last turn */
};

struct part {
	struct tail *tail;
	struct kreg *k;
	unsigned char (*keys)[NUMBERED_SIZE];
	double *took;
};

enum { LOOKER, WRITER };

static void look_once(struct part *part)
{
	unsigned char key[NUMBERED_SIZE];
	uint32_t i;

	for (i = 0; i < ENTRIES; i++) {
		numbered_key(key, i);
		kreg_lookup(part->k, key, sizeof(key), NULL, 0, NULL);
	}
}

static void *prepare(void *state, int number)
{
	struct part *part = room(sizeof(*part));
	uint64_t random = 1;
	uint32_t i;

	part->tail = state;
	part->k = registry_open(part->tail->options, REGISTRY);
	if (number == WRITER)
		return part;
	part->keys = room(LOOKUPS * sizeof(*part->keys));
	part->took = room(LOOKUPS * sizeof(*part->took));
	for (i = 0; i < LOOKUPS; i++)
		numbered_key(part->keys[i], random_next(&random) % ENTRIES);
	look_once(part);
	return part;
}

static long faults(void)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	return usage.ru_minflt;
}

/* In ns, with one reading of the clock. */
static double look(struct part *part)
{
	struct kreg_owner owner;
	long had = faults();
	double before, at;
	uint64_t value;
	uint32_t i;

	before = now_ns();
	for (i = 0; i < LOOKUPS; i++) {
		kreg_lookup(part->k, part->keys[i], NUMBERED_SIZE, &value, sizeof(value), &owner);
		at = now_ns();
		part->took[i] = at - before;
		before = at;
	}
	part->tail->faults = faults() - had;
	__atomic_store_n(&part->tail->done, 1, __ATOMIC_RELEASE);
	return quantile_of(part->took, LOOKUPS, 0.999);
}

static bool goes_on(const struct part *part)
{
	return !__atomic_load_n(&part->tail->done, __ATOMIC_ACQUIRE);
}

static double look_beside_pairs(void *prepared, int number)
{
	struct part *part = prepared;
	unsigned char key[NUMBERED_SIZE];
	uint64_t i;

	if (number == LOOKER)
		return look(part);
	for (i = ENTRIES; goes_on(part); i = i < 2 * ENTRIES ? i + 1 : ENTRIES) {
		numbered_key(key, i);
		kreg_register(part->k, key, sizeof(key), &i, sizeof(i), NULL);
		kreg_unregister(part->k, key, sizeof(key));
	}
	return 0;
}

static double look_beside_growth(void *prepared, int number)
{
	struct part *part = prepared;
	uint64_t i;

	if (number == LOOKER)
		return look(part);
	for (i = ENTRIES; goes_on(part); i++)
		numbered_register(part->k, i);
	return 0;
}

/* The same in a registry that nobody looks at. */
static double look_beside_others(void *prepared, int number)
{
	struct part *part = prepared;
	struct kreg *k;
	uint64_t i;

	if (number == LOOKER)
		return look(part);
	k = registry_open(part->tail->options, ELSEWHERE);
	for (i = 0; goes_on(part); i++)
		numbered_register(k, i);
	kreg_close(k);
	registry_destroy(part->tail->options, ELSEWHERE);
	return 0;
}

static double turn(void *state, double (*work)(void *, int), int processes)
{
	struct together what = { prepare, work };
	struct tail *tail = state;

	tail->done = 0;
	return together(&what, tail, processes);
}

static double alone(void *state)
{
	return turn(state, look_beside_pairs, 1);
}

static double beside_pairs(void *state)
{
	return turn(state, look_beside_pairs, 2);
}

static double beside_growth(void *state)
{
	return turn(state, look_beside_growth, 2);
}

static double beside_others(void *state)
{
	return turn(state, look_beside_others, 2);
}

static void tail_run(const struct bench_options *options)
{
	static const struct way ways[] = {
		{ "alone", alone },
		{ "beside register, unregister at full speed", beside_pairs, "<= 1.1" },
		{ "beside registrations at full speed", beside_growth, "<= 1.1" },
		{ "beside registrations elsewhere", beside_others },
	};
	struct holders *holders = holders_start(options, REGISTRY, 1, ENTRIES, NULL);
	struct tail *tail = mmap(NULL, sizeof(*tail), PROT_READ | PROT_WRITE,
				 MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (tail == MAP_FAILED)
		die("memory", -errno);
	tail->options = options;
	title_print(options, "The slowest of 1,000 lookups among 100,000 entries");
	row_heading("alone");
	ways_compare(options, ways, 4, "ns", tail);
	/* Of the last turn of the last way. */
	beside_growth(tail);
	row_single("page faults of 200,000 lookups beside registrations", (double)tail->faults, "",
		   "");
	munmap(tail, sizeof(*tail));
	holders_end(holders);
	registry_destroy(options, REGISTRY);
}

const struct table table_tail = { "tail", "the slowest of 1,000 lookups beside writers", tail_run };
