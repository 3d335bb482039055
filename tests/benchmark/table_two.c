/* SPDX-License-Identifier: MIT */
/*
 * The table of two processes: what two do at the same time on two CPUs, beside what one
 * does. The time is that for which they ran, so waiting for a CPU does not count.
 */
#include <stdio.h>
#include <sched.h>

#include "tests/benchmark/processes.h"
#include "tests/benchmark/tables.h"

#define ENTRIES 100000u
#define LOOKUPS 300000u
#define PAIRS 60000u

struct worker {
	struct kreg *k;
	unsigned char (*keys)[NUMBERED_SIZE];
	uint32_t count;
};

/* Keys from @first on, in a random order; those of the registry or others. */
static void *worker_prepare(const struct bench_options *options, uint64_t first, uint32_t of,
			    uint32_t count, int number)
{
	struct worker *w = room(sizeof(*w));
	uint64_t random = (uint64_t)number;
	uint32_t i;

	w->k = registry_open(options, REGISTRY);
	w->keys = room(count * sizeof(*w->keys));
	w->count = count;
	for (i = 0; i < count; i++)
		numbered_key(w->keys[i], first + random_next(&random) % of);
	return w;
}

static void *lookups_prepare(void *state, int number)
{
	return worker_prepare(state, 0, ENTRIES, LOOKUPS, number);
}

static void *pairs_prepare(void *state, int number)
{
	return worker_prepare(state, (1u + (uint32_t)number) * ENTRIES, ENTRIES, PAIRS, number);
}

static double lookups_work(void *prepared, int number)
{
	struct worker *w = prepared;
	double start = run_ns();
	struct kreg_owner owner;
	uint64_t value;
	uint32_t i;

	(void)number;
	for (i = 0; i < w->count; i++)
		kreg_lookup(w->k, w->keys[i], NUMBERED_SIZE, &value, sizeof(value), &owner);
	return (run_ns() - start) / w->count;
}

static double pairs_work(void *prepared, int number)
{
	struct worker *w = prepared;
	double start = run_ns();
	uint64_t value = 1;
	uint32_t i;

	(void)number;
	for (i = 0; i < w->count; i++) {
		kreg_register(w->k, w->keys[i], NUMBERED_SIZE, &value, sizeof(value), NULL);
		kreg_unregister(w->k, w->keys[i], NUMBERED_SIZE);
	}
	return (run_ns() - start) / w->count;
}

static const struct together lookups = { lookups_prepare, lookups_work };
static const struct together pairs = { pairs_prepare, pairs_work };

static double lookups_one(void *state)
{
	return together(&lookups, state, 1);
}

/* ns for each of the lookups of both. */
static double lookups_two(void *state)
{
	return together(&lookups, state, 2) / 2;
}

static double pairs_one(void *state)
{
	return together(&pairs, state, 1);
}

static double pairs_two(void *state)
{
	return together(&pairs, state, 2) / 2;
}

static void two_run(const struct bench_options *options)
{
	static const struct way ways[] = {
		{ "kreg_lookup, one process", lookups_one },
		{ "kreg_lookup, two processes", lookups_two, ">= 1.95", .inverse = true },
		{ "register, unregister, one process", pairs_one, .to = 2 },
		{ "register, unregister, two processes", pairs_two, ">= 1.9", .to = 2,
		  .inverse = true },
	};
	struct holders *holders;
	cpu_set_t allowed;

	title_print(options, "Two processes on two CPUs");
	if (sched_getaffinity(0, sizeof(allowed), &allowed) || CPU_COUNT(&allowed) < 2) {
		printf("  left out: there is one CPU\n");
		return;
	}
	holders = holders_start(options, REGISTRY, 1, ENTRIES, NULL);
	row_heading("one process");
	ways_compare(options, ways, 4, "ns", (void *)options);
	holders_end(holders);
	registry_destroy(options, REGISTRY);
}

const struct table table_two = { "two", "two processes on two CPUs beside one", two_run };
