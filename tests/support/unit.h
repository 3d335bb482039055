/* SPDX-License-Identifier: MIT */
/*
 * The main() of a unit test: one suite, one case of tests that ends with NULL.
 */
#ifndef KREG_TESTS_SUPPORT_UNIT_H
#define KREG_TESTS_SUPPORT_UNIT_H

#include <check.h>
#include <stdbool.h>
#include <sys/types.h>

/* @set_up and @tear_down are around each test; both may be NULL. What main() has to return. */
int unit_run(const char *name, void (*set_up)(void), void (*tear_down)(void),
	     const TTest *const *tests);

/* The same for a suite of any cases, which it frees. */
int unit_run_suite(Suite *suite);

/*
 * In a case that returns then, because something is missing here. The check counts it as skipped; with KREG_REQUIRE_BPF set,
 * where nothing may be skipped, the case fails.
 */
__attribute__((format(printf, 1, 2))) void unit_skip(const char *format, ...);

/* The seed of this run: $KREG_SEED, or a new one. The test prints it. */
unsigned int unit_seed(void);

/* How many of something the test does: what the environment's @variable says, for a long run, or @usual. */
unsigned int unit_many(const char *variable, unsigned int usual);

/*
 * As ck_assert(), for what is asked at each of very many instructions: of each ck_assert() Check keeps a message in a
 * file, and reads all of them when the test has ended, which can take longer than the test.
 */
#define unit_assert(condition)                                                                     \
	do {                                                                                       \
		if (!(condition))                                                                  \
			ck_abort_msg("Assertion '%s' failed", #condition);                         \
	} while (0)

/*
 * How many times slower than usual $KREG_SLOW says that this machine is, 1 or more: samples are that much smaller, and
 * bounds on time that much wider.
 */
unsigned int unit_slowness(void);

/*
 * 1 in a build with ASan or TSan, for tests that are left out there, in an expression: behind an
 * #if they would be functions that nobody uses, at which such a build stops.
 */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define UNIT_IS_SANITIZED 1
#else
#define UNIT_IS_SANITIZED 0
#endif

/* How many entries @folder has; of one in /proc/self, that of this call included. */
int unit_entries(const char *folder);

/*
 * Whether a process or thread has ended as far as others see: it may be in /proc for a moment more, with its memory and fds
 * freed, or joined.
 */
bool unit_has_ended(pid_t task);

/* The threads of this process that have not ended. */
int unit_threads(void);

#endif
