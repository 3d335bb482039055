/* SPDX-License-Identifier: MIT */
/*
 * The part of the segment's layout that each process writes for itself: a row for its seat, and a
 * slot for each of its threads.
 *
 * Used by   layout.h.
 */
#ifndef KREG_SHM_LAYOUT_ROW_H
#define KREG_SHM_LAYOUT_ROW_H

#include <stddef.h>
#include <stdint.h>

#include "shm/layout_preamble.h"

/*
 * A row for each seat: what its holder has in this registry.
 *
 *   63                 32 31                    0
 *  +---------------------+-----------------------+
 *  | incarnation         | entries               |   entries: counts for that life only
 *  +---------------------+-----------------------+
 *
 * Written by the holder of the seat, by CAS where it has several threads that count; three
 * words are written by others as well: @doubt by a process that recovers an interrupted
 * call, @ended by one that has seen the life to be over, @moves, by fetch_add, by one that
 * replaces an entry for it. A row whose incarnation is not
 * that of the life word has no owner, and its count is void: that is how a million entries
 * leave the count at once. The death of the holder therefore leaves nothing to be cleared.
 */
struct row {
	/* names that can be found */
	uint64_t entries;
	/* the same word for reserved names, which no search finds */
	uint64_t held;
	/* what one program holds, see row.c: locks, places in lines for them, claims */
	uint64_t locks;
	/* how far @entries is wrong after exec in the middle of a call, see interrupted.c */
	uint64_t doubt;
	/*
	 * 0: its holder has closed the registry (row_close()). Otherwise folded, of the program
	 * that has opened the row last; guard only, ROW_OPEN before that and in the fallback
	 */
	uint16_t image;
	/*
	 * another number after each change of @entries, @held or @locks, so that a look which finds
	 * the same one has missed none. By plain stores: of threads that count at once some are
	 * lost. Goes on from life to life
	 */
	uint16_t changes;
	/* the process whose life it is, if that stands for the one of @who; or 0 */
	uint32_t foster;
	/* at the opening of the row; for people */
	uint32_t uid;
	uint32_t gid;
	/*
	 * how many a program of its holder has, see log_listeners.c, and whether others may change
	 * names for it, see consent.h
	 */
	uint32_t listeners;
	/* the last life here that is known to be over, see ended.c; only grows */
	uint32_t ended;
	/* when its holder last said that it was well, CLOCK_MONOTONIC nanoseconds; or 0 */
	uint64_t beat;
	struct segment_who who;
	/* how often an entry replaced another one; goes on from life to life */
	uint64_t moves;
	char comm[16];
	/* see log.c; both go on from life to life */
	uint64_t log_published;
	uint64_t log_claimed;
};

#define ROW_WHO offsetof(struct row, who)
#define ROW_OPEN 0xffffu /* no image, folded, is that large */
/* Of row->listeners. */
#define ROW_LISTENERS 0x7fffu
#define ROW_CONSENT 0x8000u

/*
 * A slot for each thread that writes or reads in sections.
 *
 *   owner     {incarnation, image, seat}, see life.h; 0: free. Over: free as well, by CAS.
 *   reading   0, or {epoch, 1}: inside a read section; SLOT_EXPELLED: and expelled from it
 *   writing   0, or {epoch, 1}: inside a call that may unlink or CAS; SLOT_EXPELLED: and
 *             expelled from its section, which it enters again as soon as it looks. Never 0
 *             inside the call, so not 0 in a slot of an earlier program of a living process:
 *             exec has interrupted a call (interrupted.c)
 *   hazards   while writing is not 0: places whose memory is not used again, see grace.c
 *
 * reading, writing and hazards are written by the thread that has the slot, by plain
 * stores; grace_advance() CASes SLOT_EXPELLED into the first two. A thread that dies leaves
 * them as they are: the owner word says that they no longer count.
 */
#define SLOT_HAZARDS 4u

struct slot {
	uint64_t owner;
	uint64_t reading;
	uint64_t writing;
	/* hints, by any process that advances: which word was seen to delay it ... */
	uint64_t tardy;
	/* ... and since when, CLOCK_MONOTONIC nanoseconds */
	uint64_t tardy_since;
	/* of the thread; for people */
	uint32_t tid;
	/* the owner's kernel refused membarrier: it fences for itself */
	uint16_t fenced;
	/* from the section of the call that it is in */
	uint16_t expulsions;
	uint32_t hazards[SLOT_HAZARDS];
};

#define SLOT_EXPELLED 2ull

_Static_assert(sizeof(struct row) == 128, "other processes see it");
_Static_assert(ROW_WHO == 64, "a count reads one cache line");
_Static_assert(sizeof(struct slot) == 64, "other processes see it");

#endif
