/* SPDX-License-Identifier: MIT */
/*
 * Heap: blocks inside one's own slabs.
 *
 * Promises  a block is not given out again before all who could stand in it are gone.
 * Needs     what is retired is unlinked. One heap for each owner.
 * Context   any thread of the process, under a mutex that is private to it. Not in signal handlers.
 * Used by   gift, sweep, lib/.
 *
 * The bookkeeping is private memory. If the process dies it is not missed, because the whole slab is
 * dead; so there is no shared free list to be repaired.
 */
#ifndef KREG_SHM_HEAP_H
#define KREG_SHM_HEAP_H

#include <pthread.h>

#include <urcu/list.h>

#include "shm/quota.h"

#define HEAP_CLASSES 12
/* The tag of what is not one handle's. */
#define HEAP_OF_PROCESS UINT16_MAX

struct heap_slab;

struct heap_waiting {
	place_t place;
	place_t entry; /* whose block it is: that one is named by hazards */
	uint64_t stamp;
};

struct heap {
	const struct segment *segment;
	const struct life_table *lives;
	owner_t self;
	pthread_mutex_t mutex;
	struct cds_list_head room[2][HEAP_CLASSES]; /* slabs with a free block; [is of entries] */
	struct heap_slab **of;                      /* by number of slab; NULL: not ours */
	uint32_t of_size;
	uint32_t from;
	struct quota quota;
	/* blocks that wait for a grace period, oldest first: a ring with room for every block */
	struct heap_waiting *waiting;
	uint32_t waiting_size, waiting_first, waiting_count;
	uint64_t waiting_bytes;
	uint32_t blocks; /* in use, those that wait included */
};

int heap_init(struct heap *heap, const struct segment *s, const struct life_table *lives,
	      owner_t self);

/*
 * Gives back all slabs of the owner, those of an earlier program too, which no heap knows; after their entries have
 * been unlinked.
 */
void heap_deinit(struct heap *heap);

/* Frees the bookkeeping alone; the slabs stay their owner's until he dies. */
void heap_forget(struct heap *heap);

/*
 * A block of at least @bytes, at most KREG_VALUE_MAX and a head. Its content is whatever was there.
 * @tag: 0, or it begins with a struct entry, and is found by that number. -ENOSPC, -EDQUOT, -ENOMEM.
 */
int heap_take(struct heap *heap, uint32_t bytes, uint16_t tag, place_t *out);

/* The block of an entry gets the tag of another one, or HEAP_OF_PROCESS if that is not in the heap. */
void heap_tag_like(struct heap *heap, place_t place, place_t other);

/* The tag, or 0: not an entry of ours, or retired. */
uint16_t heap_tag_of(struct heap *heap, place_t place);

/* The places of entries of that tag in @slab, in @out of HEAP_SLAB_BLOCKS; *slabs: how many slabs there are. */
#define HEAP_SLAB_BLOCKS (SLAB_BYTES / LINE_BYTES)
uint32_t heap_tagged(struct heap *heap, uint32_t slab, uint16_t tag, place_t *out, uint32_t *slabs);

/*
 * To be called when @place is unlinked, or never was linked; the latter at once with heap_return(). @entry:
 * @place, or the entry whose value lies there.
 */
void heap_retire(struct heap *heap, place_t place, place_t entry);
void heap_return(struct heap *heap, place_t place);

/*
 * Around the making of a gift, which counts for who makes it: -EDQUOT, or 0, and then the heap is locked until
 * heap_gift_end(), which is told whether there is one more.
 */
int heap_gift_begin(struct heap *heap);
void heap_gift_end(struct heap *heap, bool is_made);

/* Whether there may be room within the quota after a sweep and a few grace periods. */
bool heap_may_shrink(struct heap *heap);

/* Takes back what has waited long enough; tries to advance the epoch at once if @hard. */
void heap_collect(struct heap *heap, bool hard);

/* How a slab is cut, from the word in its directory entry. 0 blocks: not of entries. */
struct heap_cut {
	uint32_t bytes;
	uint32_t blocks;
};
struct heap_cut heap_cut_of_entries(uint64_t about);

/* The same of a slab, which may hold a gift. */
struct heap_cut heap_cut_of_slab(const struct segment *s, uint32_t slab);

#endif
