/* SPDX-License-Identifier: MIT */
/*
 * A registry as a whole, of which no process changes anything meanwhile: what is counted agrees, and what nobody owns
 * any more is given back.
 *
 * Promises  fails the test with what does not agree.
 */
#ifndef KREG_TESTS_WHOLE_H
#define KREG_TESTS_WHOLE_H

#include <kreg.h>

struct kreg_owner self_of(struct kreg *k);

/* After sweeps that retire what is over: what is left, by what is in use and what is the dead's. */
uint64_t bytes_used(struct kreg *k);

/* A visitor: counts in an int. */
int count_entry(const struct kreg_entry *entry, void *count);

/* All ways to count find @count entries, all of which are the caller's. */
void assert_count(struct kreg *k, int count);

/* kreg_check() finds nothing wrong. */
void assert_whole(struct kreg *k);

#endif
