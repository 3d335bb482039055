/* SPDX-License-Identifier: MIT */
/*
 * The part of the segment's layout that never changes: what a library tells of a segment of any
 * layout.
 *
 * Used by   layout.h, layout_row.h.
 */
#ifndef KREG_SHM_LAYOUT_PREAMBLE_H
#define KREG_SHM_LAYOUT_PREAMBLE_H

#include <stddef.h>
#include <stdint.h>

#define SEGMENT_MAGIC 0x6b72656773686d31ull

/*
 * The successor word, see succession.c. The segment is over if the word is not 0 and does
 * not have SEGMENT_PROPOSED:
 *
 *   word                     means                              becomes, by
 *   0                        in use                             a proposal; SEGMENT_DESTROYED
 *   {id, SEGMENT_PROPOSED}   in use; a process would like to    0, by a process that registers;
 *                            end it                             what it proposes, by the
 *                                                               proposer only
 *   {id, 0}                  replaced by the segment of that    another id, if the file of that
 *                            id                                 one is lost
 *   {id, SEGMENT_REMOVED}    destroyed; the name is taken away  {id, 0} of one that has the name
 *                            through the folder of that id      next; another {id,
 *                                                               SEGMENT_REMOVED}
 *   SEGMENT_DESTROYED        destroyed; no process is taking    the same
 *                            the name away
 *
 * A word that says over never becomes one that says in use: processes act upon the end at
 * once, and could not take that back.
 */
#define SEGMENT_PROPOSED 1ull
#define SEGMENT_REMOVED 2ull
#define SEGMENT_ID_MASK (~3ull)
#define SEGMENT_DESTROYED SEGMENT_REMOVED

/*
 * The preamble: the beginning of every segment, whatever its layout, from layout 7 on.
 * Another layout may use what is reserved here and all that follows. What stands here never
 * changes, nor does its meaning, so that each library can tell of a segment of any layout
 * whether a process may live in it, and can end it. Otherwise two versions of the library
 * on one host would refuse each other's registries for ever:
 *
 *   magic, marker   these constants. Layouts 5 and 6 have SEGMENT_MARKER_WHOLE, and all
 *                   their rows are reserved. A segment with neither is older, and nothing
 *                   else is known of it
 *   layout          of what is not the preamble
 *   id, replaces    as in layout 7
 *   identity        of the guard's life table that has its owners' lives; 0: of none
 *   boot            the kernel's boot id; 0: not known
 *   inode           of its file, so that a copy is recognized: nobody ends lives in a copy
 *   rows ...        a row for each seat, at rows_offset + seat * row_bytes; who_offset bytes
 *                   into the row is struct segment_who
 *   seats_high      the rows of the seats below it are reserved memory, the others were
 *                   never used, and nobody touches them. It only grows
 *   successor       as above. A process that would like to end a segment reads the rows,
 *                   proposes, and reads them again, up to what seats_high is then; a process
 *                   that registers something has raised seats_high and filled its struct
 *                   segment_who before, and looks at the word afterwards. So one of the two
 *                   sees the other
 */
#define SEGMENT_MARKER 0x326c626d61657270ull
#define SEGMENT_MARKER_WHOLE 0x656c626d61657270ull

/*
 * Written by the creator before the file has a name; after that only @successor and
 * @seats_high change.
 */
struct segment_preamble {
	uint64_t magic;
	uint32_t layout;
	uint32_t seats;
	uint64_t id;
	uint64_t identity;
	uint64_t boot[2];
	uint64_t inode;
	uint32_t rows_offset;
	uint32_t row_bytes;
	uint64_t marker;
	uint64_t replaces;
	uint32_t who_offset;
	uint32_t reserved;
	uint64_t of_layout[13];
	uint64_t successor;
	uint64_t seats_high;
};

/*
 * The process that has opened the registry last in that seat. Written by that process, in
 * row_open(). It may be dead since, and its pid another process's: judge.h compares all
 * four.
 */
struct segment_who {
	/* 0: no process has */
	uint32_t pid;
	/* that @start is of; 0: not known */
	uint32_t time_namespace;
	/* of the process, nanoseconds since boot; 0: not known */
	uint64_t start;
	/* that the pid is of; 0: not known */
	uint64_t pid_namespace;
};

_Static_assert(sizeof(struct segment_preamble) == 208, "it never changes");
_Static_assert(sizeof(struct segment_who) == 24, "it never changes");
_Static_assert(offsetof(struct segment_who, time_namespace) == 4, "it never changes");
_Static_assert(offsetof(struct segment_who, start) == 8, "it never changes");
_Static_assert(offsetof(struct segment_who, pid_namespace) == 16, "it never changes");

#endif
