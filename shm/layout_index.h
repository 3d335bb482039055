/* SPDX-License-Identifier: MIT */
/*
 * The part of the segment's layout that leads from a key to its entry: the lines of the index, and
 * those of the groups that names with a slash are of.
 *
 * Used by   layout.h; index.h and group.h have the protocols.
 */
#ifndef KREG_SHM_LAYOUT_INDEX_H
#define KREG_SHM_LAYOUT_INDEX_H

#include <stdint.h>

#include "shm/layout_land.h"

/*
 * A line of the index: where the entries of one bucket are. For lookups only; the list says
 * what is registered. index.h has the protocol.
 *
 *   control   63             32  31 30                1   0
 *            +-----------------+----+------------------+----+
 *            | version         | 0  | overflow         | C  |
 *            +-----------------+----+------------------+----+
 *
 *   C         complete: each live name of this bucket that is in the list has a cell here.
 *             Set by the process that has built the line, by CAS; taken away by a
 *             registrant that finds no free cell, by CAS
 *   overflow  the epoch in which that happened last, with 1 in its lowest bit; 0: never
 *   version   counts cells that were cleared, and overflows
 *
 *   cell                    means                       becomes, by
 *   0                       free                        {entry, LOOK}, by its registrant before
 *                                                       it links the entry, or by a builder
 *   {place, order, LOOK}    the entry is registered,    {place, order}, once it is known to be
 *                           or will be, or was; only    the first of its key and not
 *                           the list knows              replaceable; 0, once it no longer counts
 *   {place, order}          while the entry has no      0, once it no longer counts
 *                           mark and its owner lives,
 *                           it holds its name
 *
 * The low half of a cell is that of a reference to the entry (place.h), which has bit 31, as
 * no control word has; so one comparison of all eight low halves finds a cell. What a dead
 * process leaves: cells of entries that do not count, which a sweep clears.
 */
#define INDEX_CELLS 7u
#define INDEX_COMPLETE 1ull
#define INDEX_OVERFLOW_SHIFT 1
#define INDEX_OVERFLOW_MASK 0x3fffffffull
#define INDEX_VERSION (1ull << 32)
#define BUCKETS_UNINDEXED (1ull << 63)

/*
 * header->level: the epoch at which the level was first seen, the level, and whether all
 * registrants know of it.
 *
 *   63                       8 7          1   0
 *  +--------------------------+------------+---+
 *  | epoch                    | level      | S |
 *  +--------------------------+------------+---+
 */
#define LEVEL_SETTLED 1ull
#define LEVEL_SHIFT 1
#define LEVEL_MASK 0x7full
#define LEVEL_EPOCH_SHIFT 8

struct index_line {
	uint64_t control;
	uint64_t cells[INDEX_CELLS];
};

/*
 * A line of groups: places of names, by their first bytes up to a slash. group.h has the
 * protocol.
 *
 *   control   63             32 31              0
 *            +-----------------+-----------------+
 *            | version         | block below     |   0: none; else for ever, and a greater number
 *            +-----------------+-----------------+   than that of the block of this line
 *
 *   cell           means                               becomes, by
 *   0              free                                {place, group}, by a registrant before it
 *                                                      links its entry
 *   {place, group} the name at that place may be of    0, once the entry does not count any more
 *                  that group
 *
 * version counts cells that were cleared. A cell is made like a reference, with the hash of
 * the group as its order. What a dead process leaves: cells of entries that do not count,
 * which cost listings a look, and which a sweep clears.
 */
#define GROUP_CELLS 7u
#define GROUP_VERSION (1ull << 32)
#define GROUPS_LOST (1ull << 63)

struct group_line {
	uint64_t control;
	uint64_t cells[GROUP_CELLS];
};

/* The lines below one line. */
#define GROUP_LINES 4u

struct group_block {
	struct group_line lines[GROUP_LINES];
};

_Static_assert(sizeof(struct index_line) == LINE_BYTES, "one cache line");
_Static_assert(sizeof(struct group_block) == GROUP_LINES * LINE_BYTES, "other processes see it");

#endif
