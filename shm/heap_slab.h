/* SPDX-License-Identifier: MIT */
/*
 * A heap's bookkeeping of one slab, in private memory.
 *
 * It is separate from heap.h, so that only the files that hold the heap's lock can see it.
 *
 * Needs     the heap's lock, for every function here and every field.
 * Used by   heap.c, heap_tag.c, heap_vacate.c.
 */
#ifndef KREG_SHM_HEAP_SLAB_H
#define KREG_SHM_HEAP_SLAB_H

#include "shm/heap.h"

/*
 * One or several slabs side by side, of one owner and one size of blocks. Allocated when they
 * are taken, freed when they are returned.
 */
struct heap_slab {
	/* In heap.room while a block is free; otherwise a list of its own. */
	struct cds_list_head node;
	/* In heap.of, or in heap.vacated. */
	struct heap_slab *next;
	/*
	 * A bit for each free block. The only record of that; nothing in the slab itself
	 * says it.
	 */
	uint64_t free[HEAP_RUN_BLOCKS / 64];
	/* The first one, and how many: 1, SLAB_RUN, or as many as one block takes. */
	uint32_t slab;
	uint32_t span;
	uint32_t blocks;
	uint32_t blocks_free;
	/* Blocks of entries that were in use and are in the ring; those that heap_vacate() took out. */
	uint32_t waits;
	uint32_t left;
	/* Of a block. */
	uint32_t bytes;
	/* In each slab, because a block of entries never reaches into the next one. */
	uint32_t blocks_each;
	uint8_t size_class;
	bool of_entries;
	/* Of a vacated one: of grace_stamp(). */
	uint64_t stamp;
	/* One for each block of entries; 0: free, or retired. */
	uint16_t tags[];
};

static inline struct heap_waiting *waiting_at(const struct heap *heap, uint32_t number)
{
	/* The size is a power of two. */
	return &heap->waiting[(heap->waiting_first + number) & (heap->waiting_size - 1)];
}

/* Whether all its blocks are in the ring. */
static inline bool slab_is_whole(const struct heap_slab *slab)
{
	return slab->waits == slab->blocks;
}

/* A block of @slab has left the ring. */
static inline void slab_waits_less(struct heap *heap, struct heap_slab *slab)
{
	heap->waiting_bytes -= slab->bytes;
	if (slab_is_whole(slab))
		heap->whole_blocks -= slab->blocks;
	/* None was counted for a value, and one for what was retired twice. */
	if (slab->waits)
		slab->waits--;
}

static inline place_t block_place(const struct heap *heap, const struct heap_slab *slab,
				  uint32_t block)
{
	place_t first = segment_slab_place(heap->segment, slab->slab);

	/* The usual size is spared the division. */
	if (caa_likely(slab->bytes == LINE_BYTES))
		return first + block;
	return first + block / slab->blocks_each * (SLAB_BYTES / LINE_BYTES) +
	       block % slab->blocks_each * (slab->bytes / LINE_BYTES);
}

/*
 * NULL: the block is in a slab of an earlier program of this process. It comes back with
 * the process's end or last close, and must be left alone until then.
 */
static inline struct heap_slab *slab_of(struct heap *heap, place_t place)
{
	uint32_t slab = segment_slab_of(heap->segment, place), run = slab / SLAB_RUN;
	struct heap_slab *at = run < heap->of_size ? heap->of[run] : NULL;

	while (at && slab - at->slab >= at->span)
		at = at->next;
	return at;
}

/* The block that @place lies in; not below slab->blocks if @place came from damage. */
static inline uint32_t block_of(const struct heap *heap, const struct heap_slab *slab,
				place_t place)
{
	uint32_t at = place - segment_slab_place(heap->segment, slab->slab), in;

	if (caa_likely(slab->bytes == LINE_BYTES))
		return at;
	in = at % (SLAB_BYTES / LINE_BYTES) * LINE_BYTES / slab->bytes;
	/* What is left over behind the last block of a slab is of none. */
	return in < slab->blocks_each ? at / (SLAB_BYTES / LINE_BYTES) * slab->blocks_each + in
				      : UINT32_MAX;
}

/* Whether @block, of block_of() for @place, begins there. Each line of the usual size is one. */
static inline bool block_is_at(const struct heap *heap, const struct heap_slab *slab,
			       uint32_t block, place_t place)
{
	return caa_likely(slab->bytes == LINE_BYTES) || place == block_place(heap, slab, block);
}

/* NULL: not an entry of this heap, or by damage not a block at all. */
static inline uint16_t *tag_in(const struct heap *heap, struct heap_slab *slab, place_t place)
{
	uint32_t block = slab && slab->of_entries ? block_of(heap, slab, place) : UINT32_MAX;

	return block != UINT32_MAX && block < slab->blocks ? &slab->tags[block] : NULL;
}

static inline uint16_t *tag_at(struct heap *heap, place_t place)
{
	return tag_in(heap, slab_of(heap, place), place);
}

/* Out of heap.of. */
static inline void slab_leave(struct heap *heap, struct heap_slab *slab)
{
	struct heap_slab **at = &heap->of[slab->slab / SLAB_RUN];

	while (*at != slab)
		at = &(*at)->next;
	*at = slab->next;
}

/* Whether one of @span slabs from @slab on is in the heap already. */
static inline bool slab_is_known(const struct heap *heap, uint32_t slab, uint32_t span)
{
	uint32_t run = slab / SLAB_RUN;
	const struct heap_slab *at;

	for (; run < heap->of_size && run * SLAB_RUN < slab + span; run++) {
		for (at = heap->of[run]; at; at = at->next) {
			if (at->slab < slab + span && slab < at->slab + at->span)
				return true;
		}
	}
	return false;
}

/*
 * heap_vacate(): gives slabs whose blocks all wait to the land, if there are enough of them.
 * heap_take_vacated(): such a slab that is the owner's again, as it was; NULL: none is free.
 */
void heap_vacate(struct heap *heap);
struct heap_slab *heap_take_vacated(struct heap *heap, int size_class);
void heap_forget_vacated(struct heap *heap);

static inline void tag_block(struct heap *heap, place_t place, uint16_t tag)
{
	uint16_t *at = tag_at(heap, place);

	if (at)
		*at = tag;
}

#endif
