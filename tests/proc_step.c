/* SPDX-License-Identifier: MIT */
/*
 * Promise 4, at single instructions: a process that is killed, is stopped or calls exec
 * inside a call blocks no other, corrupts nothing, and leaves nothing that is not
 * recovered. This is a sample of the operations and of their points; step/ covers all of
 * them, KREG_OPERATIONS=20 more of them.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/step/series.h"
#include "tests/support/guard.h"
#include "tests/support/tmp.h"
#include "tests/support/unit.h"

/* The number of operations of each mode, and the number of points for each fate. */
#if defined(__SANITIZE_ADDRESS__)
#define OPERATIONS 2u
#else
#define OPERATIONS 3u
#endif
#define POINTS 5u
#define OTHERS 2u

static void step(const struct series *series, const char *mode)
{
	const char *company = series->watched ? "watched" : "alone";
	struct figures figures[BEFALLS];
	int what;

	ck_assert_msg(!series_run(series, figures), "%s, %s: %s", series->operation->name, company,
		      figures[0].complaint);
	for (what = 0; what < BEFALLS; what++)
		ck_assert_msg(
			!figures[what].failures,
			"%s; tests/step/step --op %s --mode %s --with %s --what %s --at %#llx/%u",
			figures[what].complaint, series->operation->name, mode, company,
			befalls_names[what], (unsigned long long)figures[what].first.address,
			figures[what].first.times);
}

START_TEST(a_process_ended_or_stopped_inside_a_call_leaves_others_correct)
{
	unsigned int seed = unit_seed(), state = seed;
	struct series series = { .what = { true, true, true },
				 .points_max = POINTS,
				 .others = OTHERS,
				 .failures_max = 1 };
	bool done[64] = { false };
	uint32_t i, many = unit_many("KREG_OPERATIONS", OPERATIONS);

	many = many < operations_count ? many : operations_count;
	printf("# KREG_SEED=%u\n", seed);
	fflush(stdout);
	if (!tracer_works()) {
		printf("# skipped: processes cannot be traced here\n");
		fflush(stdout);
		return;
	}
	tracer_timer();
	series.at = (struct place_of_registry){ .directory = tmp_directory(),
						.guard = mode_guard(_i),
						.name = "step" };
	/* A second life table is the guard's only if there is a guard. */
	series.other_life = _i == MODE_GUARD ? "none" : NULL;
	for (i = 0; i < many;) {
		uint32_t which = (uint32_t)rand_r(&state) % operations_count;

		series.operation = &operations[which];
		if (done[which])
			continue;
		done[which] = true;
		i++;
		if ((series.operation->flags & OPERATION_TAKES_OVER) && !series.other_life)
			continue;
		series.watched = !(series.operation->flags & OPERATION_APART);
		series.seed = (uint64_t)rand_r(&state);
		step(&series, _i == MODE_GUARD ? "guard" : "fallback");
	}
}
END_TEST

int main(int argc, char **argv)
{
	const TTest *const both[] = {
		a_process_ended_or_stopped_inside_a_call_leaves_others_correct, NULL
	};

	point_image(argc, argv);
	return modes_run(suite_create("step"), tcase_create("both"), both, NULL, NULL);
}
