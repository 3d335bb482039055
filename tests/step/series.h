/* SPDX-License-Identifier: MIT */
/*
 * Series: one operation in one mode, at all its points or at some.
 *
 * Promises  a point at which everything hangs costs one runner and counts as a failure of
 *           that point.
 * Used by   step.c, proc_step.c.
 */
#ifndef KREG_TESTS_STEP_SERIES_H
#define KREG_TESTS_STEP_SERIES_H

#include "tests/step/point.h"

struct series {
	const struct operation *operation;
	struct place_of_registry at;
	const char *other_life; /* as in struct stage */
	bool watched;
	bool what[BEFALLS];    /* which of them to run */
	uint32_t points_max;   /* of the points that matter, for each fate; 0: all of them */
	uint32_t others;       /* a sample of all other points, for each fate */
	uint32_t failures_max; /* after this many the rest is left out */
	uint64_t seed;
	struct spot only; /* only this one, if its address is not 0 */
};

struct figures {
	uint32_t points, failures, missed;
	uint32_t left_out;
	int worst_ms;
	struct spot first; /* the first that failed */
	char complaint[COMPLAINT_MAX];
};

/* Set: series_run() returns soon. */
extern volatile int series_stops;

/* 0, or -1 and why there are no results, in the complaint of the first. */
int series_run(const struct series *series, struct figures figures[BEFALLS]);

#endif
