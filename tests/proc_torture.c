/* SPDX-License-Identifier: MIT */
/*
 * Promise 4, briefly: a process that is killed or stopped at any instruction blocks no
 * other, corrupts nothing, and leaves nothing that is not recovered. torture/ runs the
 * same for as long as wanted.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "tests/support/guard.h"
#include "tests/support/tmp.h"
#include "tests/torture/engine.h"

/*
 * In each of four tests. `make torture` kills for as long as wanted; this many show that
 * it still works, and use up the slots of a registry unless those of the dead are reused.
 */
#define KILLS 400
#define SECONDS_AT_MOST 60

static void torture(int mode, bool stop)
{
	const char *seed = getenv("KREG_SEED");
	struct torture_plan plan = {
		.directory = tmp_directory(),
		.guard = mode == MODE_GUARD ? mode_guard(mode) : NULL,
		.seed = seed ? strtoull(seed, NULL, 0) : (uint64_t)getpid(),
		.kills = KILLS,
		.seconds = SECONDS_AT_MOST,
		.workers = 8,
		.stop = stop,
	};
	char complaint[TORTURE_COMPLAINT];
	struct torture_figures figures;
	int faulty = torture_run(&plan, &figures, complaint);

	printf("# KREG_SEED=%llu %s%s: %llu kills, %llu stops, %llu execs, %llu setuids, %llu "
	       "programs started, %llu entries checked\n",
	       (unsigned long long)plan.seed, mode == MODE_GUARD ? "guard" : "fallback",
	       stop ? ", stopping" : "", (unsigned long long)figures.kills,
	       (unsigned long long)figures.stops, (unsigned long long)figures.execs,
	       (unsigned long long)figures.calls[CALL_SETUID], (unsigned long long)figures.started,
	       (unsigned long long)figures.checks);
	fflush(stdout);
	ck_assert_msg(!faulty, "seed %llu: %s", (unsigned long long)plan.seed, complaint);
}

START_TEST(a_process_killed_anywhere_leaves_nothing_and_misleads_no_process)
{
	torture(_i, false);
}
END_TEST

START_TEST(a_process_stopped_and_killed_anywhere_blocks_no_process)
{
	torture(_i, true);
}
END_TEST

int main(int argc, char **argv)
{
	const TTest *const both[] = {
		a_process_killed_anywhere_leaves_nothing_and_misleads_no_process,
		a_process_stopped_and_killed_anywhere_blocks_no_process, NULL
	};

	torture_next(argc, argv);
	return modes_run(suite_create("torture"), tcase_create("both"), both, NULL, NULL);
}
