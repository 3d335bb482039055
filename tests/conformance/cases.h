/* SPDX-License-Identifier: MIT */
/*
 * What Elixir's Registry documents, case by case in the order of its documentation.
 *
 * What does not apply to processes of an operating system is in doc/elixir.md, with the reason.
 */
#ifndef KREG_TESTS_CONFORMANCE_CASES_H
#define KREG_TESTS_CONFORMANCE_CASES_H

#include <stddef.h>

#include "lib/kreg.h"

#define STEPS 24

struct conformance {
	const char *section; /* of the documentation; a function as name/arity */
	const char *sentence;
	enum kreg_keys keys;
	const char *steps[STEPS]; /* up to a NULL; step.h parses them */
};

extern const struct conformance conformance_cases[];
extern const size_t conformance_count;

#endif
