/* SPDX-License-Identifier: MIT */
/*
 * The checker: whether a history is linearizable.
 *
 * A history is linearizable if its operations can be put in one order in which each has
 * the result that the model gives, and each that ended before another began comes before
 * it. An operation that was killed inside may take effect or not, anywhere after its
 * begin and before its worker's death.
 *
 * All keys are checked together. Without deaths, each key by itself would do; but a death
 * removes all names of the dead in one instant.
 *
 * Promises  the search is complete: false means that there is no such order.
 * Needs     a history that is sorted, and starts when no key has an owner.
 * Used by   proc_linear.c, test_linear.c, test_linear_search.c.
 */
#ifndef KREG_TESTS_LINEAR_CHECKER_H
#define KREG_TESTS_LINEAR_CHECKER_H

#include "tests/linear/model.h"

struct checker;

/*
 * Remembers the configurations that it has visited; one checker is enough for all
 * histories. NULL: no memory.
 */
struct checker *checker_new(void);
void checker_free(struct checker *c);

/* If not, @placed is the largest set of operations that were put in order. May be NULL. */
bool checker_is_linearizable(struct checker *c, const struct history *h, uint64_t *placed);

/* How many configurations all searches have visited. */
uint64_t checker_work(const struct checker *c);

#endif
