/* SPDX-License-Identifier: MIT */
/*
 * The table of memory: what a registry takes when it is empty, for each entry, when its entries
 * have died and were swept, and when as many others were registered in their place; and the
 * slowest registration while it grows.
 */
#include <stdio.h>
#include <stdlib.h>

#include "tests/benchmark/processes.h"
#include "tests/benchmark/tables.h"

#define SLOW_US 1000
#define SWEEPS 64
#define OTHERS (1ul << 30)

struct growth {
	const struct bench_options *options;
	uint32_t entries;
	double slow; /* registrations of more than SLOW_US in all turns */
};

/* The slowest of as many readings of the clock: what is due to the machine. */
static double slowest_reading(void *state)
{
	struct growth *g = state;
	double slowest = 0, before = run_ns();
	uint32_t i;

	for (i = 0; i < g->entries; i++) {
		double at = run_ns();

		slowest = at - before > slowest ? at - before : slowest;
		before = at;
	}
	return slowest / 1000;
}

static double slowest_register(void *state)
{
	struct growth *g = state;
	struct kreg *k = registry_open(g->options, REGISTRY);
	double slowest = 0, before, at;
	uint32_t i;

	before = run_ns();
	for (i = 0; i < g->entries; i++) {
		numbered_register(k, i);
		at = run_ns();
		slowest = at - before > slowest ? at - before : slowest;
		g->slow += at - before > SLOW_US * 1000;
		before = at;
	}
	kreg_close(k);
	registry_destroy(g->options, REGISTRY);
	return slowest / 1000;
}

static void grow_run(const struct bench_options *options)
{
	static const struct way ways[] = {
		{ "slowest reading of the clock", slowest_reading },
		{ "slowest kreg_register", slowest_register, "<= 500 us" },
	};
	struct growth g = { .options = options, .entries = options->many };
	char title[80];

	snprintf(title, sizeof(title), "Growing to %u entries", g.entries);
	title_print(options, title);
	row_heading("the clock");
	ways_compare(options, ways, 2, "us", &g);
	row_single("kreg_register of more than 1 ms, in a turn", g.slow / options->turns, "", "0");
}

/* Names that none of the first owner's are. */
static void others_fill(struct kreg *k, uint32_t first, uint32_t entries)
{
	uint32_t i;

	for (i = 0; i < entries; i++)
		numbered_register(k, OTHERS + first + i);
}

/* The entries of an owner that has died. */
static void memory_fill(const struct bench_options *options, double *full)
{
	struct holders *holders = holders_start(options, REGISTRY, 1, options->many, NULL);

	*full = registry_bytes(options, REGISTRY);
	holders_end(holders);
}

static void memory_sweep(const struct bench_options *options)
{
	struct kreg_stat stat = { .size = sizeof(stat) };
	struct kreg *k = registry_open(options, REGISTRY);
	int i;

	for (i = 0; i < SWEEPS; i++) {
		kreg_sweep(k);
		if (kreg_stat(k, &stat) || (!stat.bytes_dead && !stat.bytes_waiting))
			break;
	}
	kreg_close(k);
}

/* How much larger the file is when as many others were registered. */
static void memory_again(const struct bench_options *options, const char *row, double full)
{
	struct holders *holders = holders_start(options, REGISTRY, 1, options->many, others_fill);

	row_single(row, registry_bytes(options, REGISTRY) / full, "", NULL);
	holders_end(holders);
}

static void memory_run(const struct bench_options *options)
{
	double empty, full;

	kreg_close(registry_open(options, REGISTRY));
	empty = registry_bytes(options, REGISTRY);
	registry_destroy(options, REGISTRY);
	printf("\nMemory of a registry of %u entries (32-byte keys, 8-byte values)\n",
	       options->many);
	row_single("empty", empty / 1024, "KiB", "<= 128");
	memory_fill(options, &full);
	row_single("for each entry", (full - empty) / options->many, "B", "<= 80");
	row_single("as a ratio to key and value", (full - empty) / options->many / 40, "", "<= 2");
	memory_sweep(options);
	row_single("after its owner's death and a sweep, to empty",
		   registry_bytes(options, REGISTRY) / empty, "", "<= 1.1");
	memory_again(options, "as many others registered then, to full", full);
	registry_destroy(options, REGISTRY);
	memory_fill(options, &full);
	memory_again(options, "the same without a sweep in between", full);
	registry_destroy(options, REGISTRY);
}

const struct table table_grow = { "grow", "the slowest registration while a registry grows",
				  grow_run };
const struct table table_memory = { "memory", "bytes when empty, for each entry, and after a sweep",
				    memory_run };
