/* SPDX-License-Identifier: MIT */
/*
 * Lines: whether the index of a registry agrees with its list.
 *
 * Promises  fails the test with the line, the cell and what is wrong with it.
 * Needs     no process changes the registry meanwhile: all others are at rest, stopped or dead,
 *           at whatever instruction.
 */
#ifndef KREG_TESTS_LINES_H
#define KREG_TESTS_LINES_H

#include "lib/handle/handle.h"

struct lines {
	uint64_t buckets;
	uint64_t names; /* living ones in the list, reserved ones included */
	uint64_t complete;
	uint64_t cells; /* in use, without those that have moved */
	uint64_t looks; /* with LOOK */
	uint64_t built; /* added by a builder that has not ended */
	uint64_t ended; /* without LOOK, of an entry that has a mark or is a dead owner's */
	uint64_t lost;  /* with LOOK, of no living name in the list */
	uint64_t moved; /* of entries that have another line since the table has grown */
};

/*
 * Each living name that is in the list has a cell in its line, if that is complete. What a
 * cell without LOOK leads to has ended, or is a name in the list that is not replaceable and
 * the first of its key.
 */
struct lines lines_check(const struct kreg *k);

#endif
