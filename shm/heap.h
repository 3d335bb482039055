/* SPDX-License-Identifier: MIT */
/*
 * Heap: blocks inside the slabs of one owner.
 *
 * Slabs are too large for single entries, so each owner cuts its own into blocks. The
 * bookkeeping is private memory, so there is no shared free list to repair: if the
 * process dies, its slabs are dead as a whole, and what the heap knew about them is not
 * needed.
 *
 * Promises  a block is not given out again before all readers that could stand in it are
 *           gone.
 * Needs     what is retired is unlinked. One heap for each owner.
 * Context   any thread of the process, under a lock private to it. Not in signal
 *           handlers.
 * Used by   gift, sweep, lib/.
 */
#ifndef KREG_SHM_HEAP_H
#define KREG_SHM_HEAP_H

#include <urcu/list.h>

#include "base/lock.h"
#include "shm/quota.h"

/* Sizes of blocks; larger values get slabs of their own. */
#define HEAP_CLASSES 6
/* The tag of an entry that no single handle of the process has registered. */
#define HEAP_OF_PROCESS UINT16_MAX

struct heap_slab;

/* A block that waits for its grace period. */
struct heap_waiting {
	place_t place;
	/*
	 * The entry that the block belongs to; @place itself, or the one whose value it
	 * holds. Hazards name entries only, so a value stays as long as its entry is
	 * named.
	 */
	place_t entry;
	/* Of grace_stamp() at the retiring. */
	uint64_t stamp;
};

/* Slabs that wait as a whole, oldest first. @last is arbitrary where there is no @first. */
struct heap_vacated {
	struct heap_slab *first, *last;
};

/*
 * Private to the process. All fields are written under @lock, but the first three, which
 * are constant after heap_init().
 */
struct heap {
	const struct segment *segment;
	const struct life_table *lives;
	owner_t self;
	struct lock lock;
	/*
	 * Slabs with at least one free block, [of entries][size class]; and how many there are
	 * with those that are full, or vacated.
	 */
	struct cds_list_head room[2][HEAP_CLASSES];
	uint32_t slabs[2][HEAP_CLASSES];
	/*
	 * By number of slab, SLAB_RUN of them together, a chain. None is this heap's that an
	 * earlier program of the process has left.
	 */
	struct heap_slab **of;
	uint32_t of_size;
	/* Where land_take() continues its search. */
	uint32_t from;
	struct quota quota;
	/*
	 * Blocks that wait for a grace period, oldest first: a ring with room for every
	 * block in use, so that retiring one never has to allocate. An unregistration
	 * could not be undone if it failed there.
	 */
	struct heap_waiting *waiting;
	uint32_t waiting_size, waiting_first, waiting_count;
	uint64_t waiting_bytes;
	/* Those among them whose slab has no others; see heap_vacate.c. */
	uint32_t whole_blocks;
	/*
	 * The epoch from which on heap_collect() may find something: 0, if so much waits that
	 * the epoch is worth a step. Read without the lock, as a hint.
	 */
	uint64_t due;
	/* Blocks in use, those that wait included. */
	uint32_t blocks;
	/*
	 * What was given to the land and may come back, by size class; how many slabs that are,
	 * and how many since the epoch is @vacated_stamp.
	 */
	struct heap_vacated vacated[HEAP_CLASSES];
	uint32_t vacated_slabs, vacated_since;
	uint64_t vacated_stamp;
};

/*
 * Once the owner has its life. The heap begins empty; only the quota counts what an
 * earlier program of the process has left.
 */
void heap_init(struct heap *heap, const struct segment *s, const struct life_table *lives,
	       owner_t self);

/*
 * Retires all slabs of the owner, also those of earlier programs, which no heap knows;
 * and frees the bookkeeping. All their entries must be out of the list, else readers are
 * led into memory that others reuse.
 */
void heap_deinit(struct heap *heap);

/*
 * Frees the bookkeeping only; the slabs stay their owner's until its life ends. By itself
 * for an open that failed, a child of fork(), and a close that could not unlink all
 * entries; and after heap_deinit().
 */
void heap_forget(struct heap *heap);

/*
 * Takes a block of at least @bytes, at most KREG_VALUE_MAX and a head. Its content is
 * arbitrary. @tag: 0 for a value; otherwise the block begins with a struct entry, and is
 * found by that number. The caller links it, or gives it back with heap_return().
 *
 * -ENOSPC: no land; -EDQUOT: the owner's quota; -ENOMEM: private memory or address space.
 */
int heap_take(struct heap *heap, uint32_t bytes, uint16_t tag, place_t *out);

/* The usual case of it for an entry of one line. 0: heap_take() decides. */
place_t heap_take_small(struct heap *heap, uint16_t tag);

/*
 * Copies the tag of @other's entry to that at @place; HEAP_OF_PROCESS if @other is not in
 * the heap.
 */
void heap_tag_like(struct heap *heap, place_t place, place_t other);

/* The tag, or 0: not an entry of this heap, or retired. */
uint16_t heap_tag_of(struct heap *heap, place_t place);

/*
 * The places of the entries with @tag in the run of slabs with that number, into @out, which
 * has room for HEAP_RUN_BLOCKS; *runs becomes the number of runs to look at. One at a time, so
 * that the lock is not held for long; entries registered meanwhile may be missed.
 */
#define HEAP_RUN_BLOCKS (SLAB_RUN * SLAB_BYTES / LINE_BYTES)
uint32_t heap_tagged(struct heap *heap, uint32_t run, uint16_t tag, place_t *out, uint32_t *runs);

/*
 * heap_retire(): after @place was unlinked; it is reused after a grace period. @entry:
 * @place, or the entry whose value lies there. heap_return(): at once, for a block that
 * was never linked. Confusing the two lets readers see another entry's bytes.
 */
void heap_retire(struct heap *heap, place_t place, place_t entry);
void heap_return(struct heap *heap, place_t place);

/*
 * Around the making of a gift of @slabs, which counts for its maker's quota. 0: the heap
 * stays locked until heap_gift_end(), so that a count of the maker's gifts cannot miss the one
 * in the making; -EDQUOT: not locked. @unused: as many of them were not taken.
 */
int heap_gift_begin(struct heap *heap, uint32_t slabs);
void heap_gift_end(struct heap *heap, uint32_t unused);

/* Whether a sweep and a few grace periods may make room within the quota. */
bool heap_may_shrink(struct heap *heap);

/*
 * Takes back the blocks that have waited long enough. @hard: memory is short, so the
 * epoch is advanced in any case; otherwise only if much is waiting.
 */
void heap_collect(struct heap *heap, bool hard);

/* Whether it is time for heap_collect(). */
static inline bool heap_is_due(const struct heap *heap)
{
	/* relaxed: hints; what is missed is seen by the next call */
	return load_relaxed(&heap->segment->header->epoch) >= load_relaxed(&heap->due);
}

/*
 * How a slab is cut, from the word in its directory entry. @blocks 0: it holds no
 * entries. The word is another process's, so no number but these may be concluded from
 * it.
 */
struct heap_cut {
	uint32_t bytes;
	uint32_t blocks;
};
struct heap_cut heap_cut_of_entries(uint64_t about);

/* The same for a slab that may hold a gift, which is one block. */
struct heap_cut heap_cut_of_slab(const struct segment *s, uint32_t slab);

#endif
