/* SPDX-License-Identifier: MIT */
/*
 * Tests that run in both modes: under a guard of the program's own, and in the fallback.
 *
 * Promises  the guard has a path of its own and is gone when the program ends; with
 *           KREG_REQUIRE_BPF set, a program that can't have one fails.
 * Needs     modes_run() in main(), before any thread.
 */
#ifndef KREG_TESTS_SUPPORT_GUARD_H
#define KREG_TESTS_SUPPORT_GUARD_H

#include <check.h>
#include <stdbool.h>

#include "lib/kreg.h"

enum mode { MODE_FALLBACK, MODE_GUARD, MODES };

/* Runs the suites: @both once for each mode that can be had, with the mode as _i; @guard under the guard. */
int modes_run(Suite *suite, TCase *both, const TTest *const *both_tests, TCase *guard,
	      const TTest *const *guard_tests);

/* Runs @count tests, each once for each mode that can be had: _i is its number * MODES + the mode. */
int modes_run_cases(Suite *suite, const TTest *tests, size_t count);

/* What kreg_options.guard has to be in that mode. */
const char *mode_guard(int mode);

/* Another guard's path, for tests of two; guard_start() and guard_stop() are theirs. None is there when one of @guard begins. */
const char *second_guard(void);

/* Opens the registry @name in that mode, in the program's folder; fails the test if it can't. */
struct kreg *mode_open(int mode, const char *name);

/* The same with more options; folder, guard and log are set here. */
struct kreg *mode_open_as(int mode, const char *name, const struct kreg_options *options);

#endif
