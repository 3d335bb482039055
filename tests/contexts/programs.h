/* SPDX-License-Identifier: MIT */
/*
 * The calls of kreg-services.h that are given a registry, for contexts that refuse them: no program is started.
 */
#ifndef KREG_TESTS_CONTEXTS_PROGRAMS_H
#define KREG_TESTS_CONTEXTS_PROGRAMS_H

#include "tests/support/any_call.h"

/* Makes each of them once; what they answer is said to any->said. */
void programs_call(struct any *any);

#endif
