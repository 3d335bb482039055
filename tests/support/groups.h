/* SPDX-License-Identifier: MIT */
/*
 * The lines of groups from inside: which cells there are, and whether each living name that
 * is of a group has one. For a registry that no other thread changes meanwhile.
 */
#ifndef KREG_TESTS_GROUPS_H
#define KREG_TESTS_GROUPS_H

#include "lib/handle/handle.h"

struct groups {
	uint64_t names; /* living ones of any group */
	uint64_t cells; /* in use */
	uint64_t ended; /* of an entry that has a mark, or is a dead owner's, or is no name */
	uint64_t lines; /* that a way leads to */
	bool lost;
};

/* Aborts the test if a living name of a group has no cell, though none was lost. */
struct groups groups_check(const struct kreg *k);

/*
 * How many names with @prefix a listing shows, by the way that the library takes, after the
 * same were found by a walk along the whole list; aborts the test if they differ.
 */
int groups_list(struct kreg *k, const char *prefix);

#endif
