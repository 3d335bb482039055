/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "tests/benchmark/bench.h"

#define WAYS_MAX 8

_Noreturn void die(const char *what, int err)
{
	fprintf(stderr, "benchmark: %s: %s\n", what, kreg_strerror(err));
	exit(1);
}

void *room(size_t bytes)
{
	size_t size = (bytes + 63) & ~(size_t)63;
	void *at = aligned_alloc(64, size ? size : 64);

	if (!at)
		die("memory", -ENOMEM);
	memset(at, 0, size);
	return at;
}

static double clock_ns(clockid_t clock)
{
	struct timespec at;

	clock_gettime(clock, &at);
	return (double)at.tv_sec * 1e9 + (double)at.tv_nsec;
}

double now_ns(void)
{
	return clock_ns(CLOCK_MONOTONIC);
}

double run_ns(void)
{
	return clock_ns(CLOCK_THREAD_CPUTIME_ID);
}

uint64_t random_next(uint64_t *state)
{
	uint64_t x = *state += 0x9e3779b97f4a7c15ull;

	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9ull;
	x = (x ^ x >> 27) * 0x94d049bb133111ebull;
	return x ^ x >> 31;
}

void value_make(unsigned char *value, size_t size, uint32_t number)
{
	memset(value, 0, size);
	memcpy(value, &number, size < sizeof(number) ? size : sizeof(number));
}

static int by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

struct spread spread_of(double *values, int count)
{
	qsort(values, (size_t)count, sizeof(*values), by_size);
	return (struct spread){ values[count / 4], values[count / 2],
				values[count - 1 - count / 4] };
}

double quantile_of(double *values, uint32_t count, double quantile)
{
	qsort(values, count, sizeof(*values), by_size);
	return values[(uint32_t)(count * quantile)];
}

void title_print(const struct bench_options *options, const char *title)
{
	printf("\n%s (median and middle half of %d turns)\n", title, options->turns);
}

void row_heading(const char *beside)
{
	printf("  %-44s %12s     ratio to %-18s goal\n", "", "", beside);
}

/* Three that say something. */
static int digits_of(double value)
{
	return value < 10 ? 2 : value < 100 ? 1 : 0;
}

void row_print(const char *name, double *values, const char *unit, double *ratio, int turns,
	       const char *goal)
{
	struct spread of = spread_of(values, turns);
	char text[48] = "";

	if (ratio) {
		struct spread to = spread_of(ratio, turns);

		int digits = digits_of(to.middle);

		snprintf(text, sizeof(text), "%8.*f (%.*f-%.*f)", digits, to.middle, digits, to.low,
			 digits, to.high);
	}
	printf("  %-44s %8.*f %-4s %-28s %s\n", name, digits_of(of.middle), of.middle, unit, text,
	       goal ? goal : "");
	fflush(stdout);
}

void row_single(const char *name, double value, const char *unit, const char *goal)
{
	row_print(name, &value, unit, NULL, 1, goal);
}

static void way_print(const struct bench_options *options, const struct way *ways, int which,
		      double (*values)[TURNS_MAX], const char *unit)
{
	const struct way *way = &ways[which];
	double own[TURNS_MAX], ratios[TURNS_MAX];
	int i;

	for (i = 0; i < options->turns; i++) {
		own[i] = values[which][i];
		ratios[i] = own[i] / values[way->to][i];
		if (way->inverse)
			ratios[i] = 1 / ratios[i];
	}
	row_print(way->name, own, unit, which == way->to ? NULL : ratios, options->turns,
		  way->goal);
}

void ways_compare(const struct bench_options *options, const struct way *ways, int count,
		  const char *unit, void *state)
{
	double values[WAYS_MAX][TURNS_MAX];
	int i, step;

	for (i = 0; i < options->turns; i++) {
		for (step = 0; step < count; step++) {
			int which = (step + i) % count;

			values[which][i] = ways[which].turn(state);
		}
	}
	for (i = 0; i < count; i++)
		way_print(options, ways, i, values, unit);
}

struct kreg *registry_open(const struct bench_options *options, const char *name)
{
	struct kreg *k;
	int err = kreg_open(&k, name, &options->registry);

	if (err)
		die("kreg_open", err);
	return k;
}

void registry_destroy(const struct bench_options *options, const char *name)
{
	int err = kreg_destroy(name, &options->registry, KREG_DESTROY_FORCE);

	if (err)
		die("kreg_destroy", err);
}

void registry_path(const struct bench_options *options, const char *name, char *path, size_t size)
{
	snprintf(path, size, "%s/kreg.%u.%s", options->registry.directory, geteuid(), name);
}

double registry_bytes(const struct bench_options *options, const char *name)
{
	struct stat file;
	char path[256];

	registry_path(options, name, path, sizeof(path));
	if (stat(path, &file))
		die(path, -errno);
	return (double)file.st_blocks * 512;
}
