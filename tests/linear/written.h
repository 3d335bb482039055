/* SPDX-License-Identifier: MIT */
/*
 * One history that a test writes, operation by operation, and the checker for it.
 *
 * Used by   test_linear.c, test_linear_search.c.
 */
#ifndef KREG_TESTS_LINEAR_WRITTEN_H
#define KREG_TESTS_LINEAR_WRITTEN_H

#include "tests/linear/checker.h"

extern struct history history;
extern struct checker *checker;
/* Of the operations that are added. */
extern uint8_t key;

/* Around each test: an empty history of names. */
void written_begin(void);
void written_end(void);

struct operation *add(uint32_t begun, uint32_t ended, uint8_t worker, uint8_t kind, int32_t result);

#endif
