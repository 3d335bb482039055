/* SPDX-License-Identifier: MIT */
/*
 * The table of lookups: hits and misses of all contestants, as ratios to the floor.
 *
 * Each turn of a contestant is preceded by an untimed round over other keys of the list,
 * because the other tables have displaced its memory from the cache.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/benchmark/contestant.h"
#include "tests/benchmark/tables.h"

/* Keys in one half of a list, of which one is looked up untimed, the other timed. */
#define HALF_MIN (1u << 14)
#define HALF_MAX (1u << 19)
#define LOOKUPS_MIN (1u << 18) /* in one turn */

static const struct contestant *const contestants[] = {
	&contestant_floor,        &contestant_kreg_lookup,  &contestant_kreg_ref,
	&contestant_kreg_ref_far, &contestant_kreg_section, &contestant_kreg_read,
	&contestant_kreg_many,    &contestant_lfht,         &contestant_ck,
	&contestant_rwlock,       &contestant_boost,        &contestant_glib,
};

#define CONTESTANTS (sizeof(contestants) / sizeof(contestants[0]))
enum { FLOOR, KREG }; /* the first two */

struct lookups {
	struct contents contents;
	uint32_t used;       /* of the contestants, the first so many */
	unsigned char *keys; /* those of the contents, then as many that are not there */
	unsigned char *wanted;
	struct kreg_ref *refs; /* to what is wanted, if it is there */
	uint32_t *numbers;
	uint32_t half;
	uint64_t random;
	void *tables[CONTESTANTS];
	double ns[CONTESTANTS][TURNS_MAX];
	double ratio[CONTESTANTS][TURNS_MAX];
};

static void keys_make(struct lookups *l)
{
	size_t size = l->contents.key_size;
	uint64_t i, j, number;

	l->keys = room(2ul * l->contents.count * size + 8);
	for (i = 0; i < 2ul * l->contents.count; i++) {
		for (j = 0; j < size; j += 8) {
			number = random_next(&l->random);
			memcpy(l->keys + i * size + j, &number, 8);
		}
		/* The shortest keys would not all differ if they were only random. */
		memcpy(l->keys + i * size, &i, size < 4 ? size : 4);
	}
	l->contents.keys = l->keys;
}

static void list_make(struct lookups *l, bool hit)
{
	size_t size = l->contents.key_size;
	uint32_t i;

	for (i = 0; i < 2 * l->half; i++) {
		uint64_t number = random_next(&l->random) % l->contents.count;

		l->numbers[i] = (uint32_t)number;
		if (!hit)
			number += l->contents.count;
		memcpy(l->wanted + i * size, l->keys + number * size, size);
		l->refs[i] = (struct kreg_ref)KREG_REF(l->wanted + i * size, size);
	}
}

/* ns for each lookup. */
static double turn(struct lookups *l, uint32_t which, bool hit, int number)
{
	uint32_t (*look)(void *, const struct list *) =
		hit ? contestants[which]->hit : contestants[which]->miss;
	uint32_t i, found = 0, rounds = l->half < LOOKUPS_MIN ? LOOKUPS_MIN / l->half : 1;
	uint32_t at[2] = { number % 2 ? l->half : 0, number % 2 ? 0 : l->half };
	struct list lists[2];
	double start;

	for (i = 0; i < 2; i++)
		lists[i] = (struct list){ l->wanted + at[i] * l->contents.key_size, l->refs + at[i],
					  l->numbers + at[i], l->half };
	look(l->tables[which], &lists[0]);
	start = run_ns();
	for (i = 0; i < rounds; i++)
		found += look(l->tables[which], &lists[1]);
	start = (run_ns() - start) / rounds / l->half;
	if (found != (hit ? rounds * l->half : 0)) {
		fprintf(stderr, "benchmark: %s found %u of %u\n", contestants[which]->name, found,
			hit ? rounds * l->half : 0);
		exit(1);
	}
	return start;
}

static bool is_used(const struct lookups *l, uint32_t which)
{
	return which < l->used && contestants[which];
}

static bool takes_part(const struct lookups *l, uint32_t which, bool hit)
{
	return is_used(l, which) && (hit ? contestants[which]->hit : contestants[which]->miss);
}

static void measure(struct lookups *l, bool hit)
{
	int i, turns = l->contents.options->turns;
	uint32_t which, step;

	list_make(l, hit);
	for (i = 0; i < turns; i++) {
		/* Each turn begins with another one, so that none always follows the same. */
		for (step = 0; step < CONTESTANTS; step++) {
			which = (step + (uint32_t)i) % CONTESTANTS;
			if (takes_part(l, which, hit))
				l->ns[which][i] = turn(l, which, hit, i);
		}
		for (which = 0; which < CONTESTANTS; which++)
			l->ratio[which][i] = l->ns[which][i] / l->ns[FLOOR][i];
	}
	for (which = 0; which < CONTESTANTS; which++) {
		char name[64];

		if (!takes_part(l, which, hit))
			continue;
		snprintf(name, sizeof(name), "%s: %s", hit ? "hit " : "miss",
			 contestants[which]->name);
		row_print(name, l->ns[which], "ns", which == FLOOR ? NULL : l->ratio[which], turns,
			  hit ? contestants[which]->hit_goal : contestants[which]->miss_goal);
	}
}

static void lookups_of(const struct bench_options *options, uint32_t count, uint32_t used)
{
	struct lookups *l = room(sizeof(*l));
	char title[96];
	uint32_t which;

	l->contents = (struct contents){ .options = options,
					 .count = count,
					 .key_size = options->key_size,
					 .value_size = options->value_size };
	l->used = used;
	l->random = 1;
	for (l->half = HALF_MIN; l->half < HALF_MAX && l->half < count; l->half *= 2)
		;
	keys_make(l);
	l->wanted = room(2ul * l->half * options->key_size);
	l->refs = room(2ul * l->half * sizeof(*l->refs));
	l->numbers = room(2ul * l->half * sizeof(*l->numbers));
	for (which = 0; which < CONTESTANTS; which++) {
		if (is_used(l, which))
			l->tables[which] = contestants[which]->open(&l->contents);
	}
	snprintf(title, sizeof(title), "Lookups among %u keys of %zu bytes, values of %zu", count,
		 options->key_size, options->value_size);
	title_print(options, title);
	row_heading("floor");
	measure(l, true);
	measure(l, false);
	for (which = 0; which < CONTESTANTS; which++) {
		if (is_used(l, which))
			contestants[which]->close(l->tables[which]);
	}
	free(l->keys);
	free(l->wanted);
	free(l->refs);
	free(l->numbers);
	free(l);
}

static void lookup_run(const struct bench_options *options)
{
	uint32_t i;

	for (i = 0; i < options->counts_used; i++)
		lookups_of(options, options->counts[i], CONTESTANTS);
	if (!&contestant_ck)
		printf("  ck_ht is left out: libck-dev was missing when this was configured\n");
	if (!&contestant_boost)
		printf("  Boost.Interprocess is left out: g++ or libboost-dev was missing when "
		       "this was configured\n");
	if (!&contestant_glib)
		printf("  GHashTable is left out: libglib2.0-dev was missing when this was "
		       "configured\n");
}

static void sizes_run(const struct bench_options *options)
{
	static const struct {
		size_t key;
		size_t value;
	} sizes[] = {
		{ 8, 8 }, { 16, 8 }, { 24, 8 }, { 40, 8 }, { 32, 0 }, { 32, 24 }, { 32, 100 }
	};
	struct bench_options with = *options;
	uint32_t count;
	size_t i;

	for (count = 0; count < options->counts_used; count++) {
		for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
			with.key_size = sizes[i].key;
			with.value_size = sizes[i].value;
			lookups_of(&with, options->counts[count], KREG + 1);
		}
	}
}

const struct table table_sizes = { "sizes", "lookups with keys and values of other sizes",
				   sizes_run };
const struct table table_lookup = { "lookup", "hits and misses beside the floor and peers",
				    lookup_run };
