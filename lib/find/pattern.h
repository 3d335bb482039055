/* SPDX-License-Identifier: MIT */
/*
 * Patterns: which entries are meant.
 *
 * Promises  what pattern_matches() accepts, pattern_may_match() has accepted before: the first look is
 *           at the shared memory and spares the copy, the second at what was copied.
 * Needs     a pattern that pattern_check() has let through.
 * Context   any; pattern_matches() calls the user's function.
 * Used by   visit.c, select.c.
 */
#ifndef KREG_LIB_PATTERN_H
#define KREG_LIB_PATTERN_H

#include "lib/handle/handle.h"

#pragma GCC visibility push(hidden)

/* Copies @given, which may be NULL or of another version, and resolves KREG_STRING. */
int pattern_check(const struct kreg_pattern *given, struct kreg_pattern *out);

bool pattern_may_match(const struct kreg *k, const struct kreg_pattern *pattern,
		       const struct found *found);
bool pattern_matches(const struct kreg_pattern *pattern, const struct kreg_entry *entry);

#pragma GCC visibility pop

#endif
