/* SPDX-License-Identifier: MIT */
/*
 * The checker: whether a history is linearizable.
 *
 * It is if its operations can be put in one order in which each is told what the model says, and each
 * that ended before another began comes before it. One that was killed inside may be in it, anywhere
 * after its begin and before its worker's death, or not.
 *
 * All keys are checked together. Each by itself would do if there were no deaths; but a death takes all
 * names of the dead in one instant.
 *
 * Promises  the search is complete: false means that there is no such order.
 * Needs     a history that is sorted, and starts when all keys are nobody's.
 * Used by   proc_linear.c, test_linear.c.
 */
#ifndef KREG_TESTS_LINEAR_CHECKER_H
#define KREG_TESTS_LINEAR_CHECKER_H

#include "tests/linear/model.h"

struct checker;

/* Remembers which configurations it has been in; one is enough for all histories. NULL: no memory. */
struct checker *checker_new(void);
void checker_free(struct checker *c);

/* If not, @placed is the largest set of operations that were put in order. May be NULL. */
bool checker_is_linearizable(struct checker *c, const struct history *h, uint64_t *placed);

/* How many configurations all searches have been in. */
uint64_t checker_work(const struct checker *c);

#endif
