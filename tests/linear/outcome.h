/* SPDX-License-Identifier: MIT */
/* What an operation does and returns, by the model. */
#ifndef KREG_TESTS_LINEAR_OUTCOME_H
#define KREG_TESTS_LINEAR_OUTCOME_H

#include "tests/linear/model.h"

struct outcome {
	model_t state;
	int result;
	uint8_t found;
	uint8_t holder;
};

/* model_duplicates.c. @out has the state before, and 0, VALUE_NONE, WORKER_NONE. */
struct outcome outcome_duplicates(struct outcome out, const struct operation *op, bool dead);

#endif
