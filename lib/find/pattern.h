/* SPDX-License-Identifier: MIT */
/*
 * Patterns: which entries match.
 *
 * Promises  pattern_may_match() accepts every entry that pattern_matches() accepts. The
 *           first tests the shared memory and saves the copy, the second tests the copy.
 * Needs     a pattern that pattern_check() has accepted.
 * Context   any; pattern_matches() calls the user's function.
 * Used by   visit.c, select.c.
 */
#ifndef KREG_LIB_PATTERN_H
#define KREG_LIB_PATTERN_H

#include "lib/handle/handle.h"

#pragma GCC visibility push(hidden)

/*
 * Copies @given, which may be NULL or of another version of the library, and resolves
 * KREG_STRING. What is wrong in it, or that @k is NULL, is said. -EINVAL, -E2BIG,
 * -ENAMETOOLONG.
 */
int pattern_check(struct kreg *k, const struct kreg_pattern *given, struct kreg_pattern *out);

bool pattern_may_match(const struct kreg *k, const struct kreg_pattern *pattern,
		       const struct found *found);
bool pattern_matches(const struct kreg_pattern *pattern, const struct kreg_entry *entry);

#pragma GCC visibility pop

#endif
