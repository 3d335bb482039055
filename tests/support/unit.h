/* SPDX-License-Identifier: MIT */
/*
 * The main() of a unit test: one suite, one case of tests that ends with NULL.
 */
#ifndef KREG_TESTS_SUPPORT_UNIT_H
#define KREG_TESTS_SUPPORT_UNIT_H

#include <check.h>

/* @set_up and @tear_down are around each test; both may be NULL. What main() has to return. */
int unit_run(const char *name, void (*set_up)(void), void (*tear_down)(void),
	     const TTest *const *tests);

/* The seed of this run: $KREG_SEED, or a new one. The test prints it. */
unsigned int unit_seed(void);

#endif
