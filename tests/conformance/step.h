/* SPDX-License-Identifier: MIT */
/*
 * Steps of the conformance cases, parsed from their lines:
 *
 *     WHO CALL [KEY [VALUE [OTHER]]] [of OWNER] -> RESULT
 *     WHO is killed
 *
 * WHO and OWNER are actors. 'quotes' are around what is empty or has spaces; - stands for an argument that is missing.
 */
#ifndef KREG_TESTS_CONFORMANCE_STEP_H
#define KREG_TESTS_CONFORMANCE_STEP_H

#include <stdbool.h>

#include "tests/conformance/calls.h"

#define STEP_TEXT 160

/* @step points into @text, a copy of @line. False: it is not a step. */
bool step_parse(const char *line, char text[STEP_TEXT], struct step *step);

#endif
