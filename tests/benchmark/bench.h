/* SPDX-License-Identifier: MIT */
/*
 * What all tables of the benchmark share: options, clocks, medians, and how a row is printed.
 *
 * A table compares a few ways to do the same thing. They take turns, many times, so that a
 * busy moment of the machine meets all of them; what counts is the ratio within a turn, of
 * which the median and the middle half are printed.
 */
#ifndef KREG_BENCHMARK_BENCH_H
#define KREG_BENCHMARK_BENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/kreg.h"

#define TURNS_MAX 101
#define COUNTS_MAX 8
#define REGISTRY "benchmark"

struct bench_options {
	struct kreg_options registry; /* its folder, its guard */
	uint32_t counts[COUNTS_MAX];  /* keys in the table, for lookups */
	uint32_t counts_used;
	uint32_t many;   /* keys for tables about a registry that is large */
	uint32_t owners; /* for tables about a registry with many */
	size_t key_size;
	size_t value_size;
	int turns;
};

/* One table: a function that measures, and prints what it has found. */
struct table {
	const char *name;
	const char *title;
	void (*run)(const struct bench_options *options);
};

/* The median of what the turns gave, and the middle half of it. */
struct spread {
	double low;
	double middle;
	double high;
};

_Noreturn void die(const char *what, int err);

/* Zeroed, and on a line of the cache. */
void *room(size_t bytes);
double now_ns(void);
/* Time that this thread has run: others that have the CPU for a while do not count. */
double run_ns(void);
uint64_t random_next(uint64_t *state);

/* The value of a key with @number. */
void value_make(unsigned char *value, size_t size, uint32_t number);

/* Sorts @values. */
struct spread spread_of(double *values, int count);
/* Sorts @values: the least that is not below the part @quantile of them. */
double quantile_of(double *values, uint32_t count, double quantile);

void title_print(const struct bench_options *options, const char *title);
void row_heading(const char *beside);

/*
 * A row: the @values of the turns, and the ratios of each turn to what the heading names;
 * NULL: none. @goal is a ratio, or says what it is; NULL: none.
 */
void row_print(const char *name, double *values, const char *unit, double *ratios, int turns,
	       const char *goal);
/* A row with one value. */
void row_single(const char *name, double value, const char *unit, const char *goal);

/* One of several ways to do the same; the ratios are to the first one. */
struct way {
	const char *name;
	double (*turn)(void *state);
	const char *goal;
	/* The ratio is to this way; 0: the first. */
	int to;
	/* The ratio is that of the other way to this one: more is better. */
	bool inverse;
};

/* Lets @ways take turns, and prints their rows. */
void ways_compare(const struct bench_options *options, const struct way *ways, int count,
		  const char *unit, void *state);

struct kreg *registry_open(const struct bench_options *options, const char *name);
/* By force. */
void registry_destroy(const struct bench_options *options, const char *name);
/* Bytes of memory that the registry's file takes. */
double registry_bytes(const struct bench_options *options, const char *name);
void registry_path(const struct bench_options *options, const char *name, char *path, size_t size);

#endif
