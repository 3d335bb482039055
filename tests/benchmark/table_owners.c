/* SPDX-License-Identifier: MIT */
/*
 * The table of owners: the same entries, once of 10 owners and once of thousands, which are
 * as many processes.
 */
#include <stdio.h>
#include <stdlib.h>

#include "tests/benchmark/processes.h"
#include "tests/benchmark/tables.h"

#define FEW 10u
#define EACH 10u /* entries of each of the many */
#define LOOKUPS 100000u
#define COUNTS 200u

struct owners {
	struct kreg *few;
	struct kreg *many;
	unsigned char (*keys)[NUMBERED_SIZE];
	uint64_t *words; /* one for each of the many */
	uint32_t owners;
};

static double lookups(struct owners *o, struct kreg *k)
{
	struct kreg_owner owner;
	uint32_t i, found = 0;
	uint64_t value;
	double start;
	int round;

	/* The first round fetches into the cache what the other registry displaced. */
	for (round = 0; round < 2; round++) {
		start = run_ns();
		for (found = i = 0; i < LOOKUPS; i++)
			found += kreg_lookup(k, o->keys[i], NUMBERED_SIZE, &value, sizeof(value),
					     &owner) == sizeof(value);
	}
	if (found != LOOKUPS)
		die("kreg_lookup", -2);
	return (run_ns() - start) / LOOKUPS;
}

static double lookups_few(void *state)
{
	struct owners *o = state;

	return lookups(o, o->few);
}

static double lookups_many(void *state)
{
	struct owners *o = state;

	return lookups(o, o->many);
}

static double counts(struct owners *o, struct kreg *k)
{
	int64_t expected = (int64_t)o->owners * EACH;
	double start = run_ns();
	uint32_t i;

	for (i = 0; i < COUNTS; i++) {
		if (kreg_count(k) != expected)
			die("kreg_count is wrong", -2);
	}
	return (run_ns() - start) / COUNTS;
}

static double count_few(void *state)
{
	struct owners *o = state;

	return counts(o, o->few);
}

static double count_many(void *state)
{
	struct owners *o = state;

	return counts(o, o->many);
}

static double count_words(void *state)
{
	struct owners *o = state;
	double start = run_ns();
	uint32_t i, j;

	for (i = 0; i < COUNTS; i++) {
		uint64_t sum = 0;

		for (j = 0; j < o->owners; j++)
			sum += __atomic_load_n(&o->words[j], __ATOMIC_RELAXED);
		__asm__ volatile("" : : "r"(sum));
	}
	return (run_ns() - start) / COUNTS;
}

static void owners_run(const struct bench_options *options)
{
	static const struct way looking[] = {
		{ "kreg_lookup, 10 owners", lookups_few },
		{ "kreg_lookup, many owners", lookups_many, "<= 1.3" },
	};
	static const struct way counting[] = {
		{ "adding a word for each of many owners", count_words },
		{ "kreg_count, 10 owners", count_few },
		{ "kreg_count, many owners", count_many, "<= 1000 ns" },
	};
	uint32_t i, entries = options->owners * EACH;
	struct owners o = { .owners = options->owners };
	struct holders *few = holders_start(options, "few", FEW, entries / FEW, NULL);
	struct holders *many = holders_start(options, "many", o.owners, EACH, NULL);
	uint64_t random = 1;
	char title[80];

	o.few = registry_open(options, "few");
	o.many = registry_open(options, "many");
	o.keys = room(LOOKUPS * sizeof(*o.keys));
	o.words = room(o.owners * sizeof(*o.words));
	for (i = 0; i < LOOKUPS; i++)
		numbered_key(o.keys[i], random_next(&random) % entries);
	snprintf(title, sizeof(title), "Owners: %u entries of 10 and of %u", entries, o.owners);
	title_print(options, title);
	row_heading("10 owners");
	ways_compare(options, looking, 2, "ns", &o);
	row_heading("addition");
	ways_compare(options, counting, 3, "ns", &o);
	free(o.keys);
	free(o.words);
	kreg_close(o.few);
	kreg_close(o.many);
	holders_end(few);
	holders_end(many);
	registry_destroy(options, "few");
	registry_destroy(options, "many");
}

const struct table table_owners = { "owners", "lookups and kreg_count with thousands of owners",
				    owners_run };
