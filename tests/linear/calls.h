/* SPDX-License-Identifier: MIT */
/*
 * The calls of the library that operations are, with what they return as a history has it.
 *
 * Used by   worker.c.
 */
#ifndef KREG_TESTS_LINEAR_CALLS_H
#define KREG_TESTS_LINEAR_CALLS_H

#include "tests/linear/worker.h"

#define VALUE_ROOM 4096u

struct caller {
	const struct worker_board *board;
	struct kreg *k[FORMS];
	unsigned char value[VALUE_ROOM];
	unsigned char bytes[VALUE_ROOM];
};

const char *call_key(uint32_t key);

/* Makes the call that @op is, and fills in the results of @op. */
void call_perform(struct caller *c, struct operation *op);

#endif
