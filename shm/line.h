/* SPDX-License-Identifier: MIT */
/*
 * The print of a line: a number that says whether a line is still what it was.
 *
 * Promises  two prints are equal if what they were taken of is equal: the live entries of a key with their owners
 *           and kinds, in order, whether the registry is over, and whether the asking owner is alive. All that a
 *           wait may depend on is in it. (Two states that differ have one print with a chance of 2^-64.)
 * Needs     nothing; it peeks.
 * Context   any thread; writes nothing; one walk, repeated a few times if it was overtaken.
 * Used by   lib/wait.c, lib/attendant.c.
 *
 * As long as one peek holds, no print comes back that was there before and has gone: an entry that has left a line
 * never returns, and its place is not used again before the peek is over.
 */
#ifndef KREG_SHM_LINE_H
#define KREG_SHM_LINE_H

#include "shm/table.h"

/*
 * Of the lines that @q stands for, to @self. Names are in one line for each partition, and with them goes the line of
 * those who claim to start the name. 0: not known, because the walk was overtaken or has met damage.
 */
uint64_t line_print(const struct segment *s, const struct life_table *lives, const struct query *q,
		    owner_t self);

#endif
