/* SPDX-License-Identifier: MIT */
/*
 * Turns: all measures one after the other, so that a busy moment of the machine meets all of them.
 * Each turn begins with another one, so that none always follows the same. What counts is the
 * ratio within a turn.
 */
#include <errno.h>
#include <stdlib.h>

#include "tools/bench/bench.h"

#define TURNS_LEAST 3u
#define TURNS_MOST 1000u

static int compare(const void *x, const void *y)
{
	const double *a = x, *b = y;

	return (*a > *b) - (*a < *b);
}

/* Sorts @values. */
static struct bench_spread spread_of(double *values, uint32_t count)
{
	qsort(values, count, sizeof(*values), compare);
	return (struct bench_spread){ values[count / 4], values[count / 2],
				      values[count - 1 - count / 4] };
}

static int take_turn(struct bench *b, double (*ns)[TURNS_MOST])
{
	enum bench_measure measure;
	uint32_t step;
	int err = 0;

	for (step = 0; step < BENCH_MEASURES && !err; step++) {
		measure = (enum bench_measure)((step + b->turn) % BENCH_MEASURES);
		err = *b->interrupted ? -EINTR : bench_measure(b, measure, &ns[measure][b->turn]);
	}
	return *b->interrupted ? -EINTR : err;
}

static void sum_up(double (*ns)[TURNS_MOST], uint32_t turns,
		   struct bench_result results[BENCH_MEASURES])
{
	double ratios[TURNS_MOST], own[TURNS_MOST];
	enum bench_measure measure, beside;
	uint32_t i;

	for (measure = 0; measure < BENCH_MEASURES; measure++) {
		beside = bench_beside(measure);
		for (i = 0; i < turns; i++) {
			own[i] = ns[measure][i];
			ratios[i] = own[i] / ns[beside][i];
		}
		results[measure] = (struct bench_result){
			.name = bench_name(measure),
			.beside = beside,
			.ratio = spread_of(ratios, turns),
			.ns = spread_of(own, turns),
		};
	}
}

int bench_turns(struct bench *b, struct bench_result results[BENCH_MEASURES], uint32_t *turns)
{
	double(*ns)[TURNS_MOST] = calloc(BENCH_MEASURES, sizeof(*ns));
	int64_t end = bench_now_ns() + b->ms * 1000000, begun, last = 0;
	int err = ns ? 0 : -ENOMEM;

	for (b->turn = 0; !err && b->turn < TURNS_MOST; b->turn++) {
		begun = bench_now_ns();
		if (b->turn >= TURNS_LEAST && begun + last > end)
			break;
		err = take_turn(b, ns);
		last = bench_now_ns() - begun;
	}
	*turns = b->turn;
	if (!err)
		sum_up(ns, b->turn, results);
	free(ns);
	return err;
}
