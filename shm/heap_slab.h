/* SPDX-License-Identifier: MIT */
/*
 * A heap's bookkeeping of one slab, in private memory.
 *
 * It is separate from heap.h, so that only the two files that hold the heap's lock can
 * see it.
 *
 * Needs     the heap's lock, for every function here and every field.
 * Used by   heap.c, heap_tag.c.
 */
#ifndef KREG_SHM_HEAP_SLAB_H
#define KREG_SHM_HEAP_SLAB_H

#include "shm/heap.h"

/* Allocated when the slab is taken, freed when it is returned. */
struct heap_slab {
	/* In heap.room while a block is free; otherwise a list of its own. */
	struct cds_list_head node;
	/*
	 * A bit for each free block. The only record of that; nothing in the slab itself
	 * says it.
	 */
	uint64_t free[HEAP_SLAB_BLOCKS / 64];
	uint32_t slab;
	/* Number of slabs, if they hold one block together; else 0. */
	uint32_t span;
	uint32_t blocks;
	uint32_t blocks_free;
	uint32_t bytes;
	/*
	 * Where in the slab block 0 is, in blocks; those behind the last one are at the
	 * slab's beginning. An owner with few entries uses the first blocks alone, and in
	 * thousands of such slabs, each of which begins a page, these would share a few sets
	 * of the cache.
	 */
	uint32_t turn;
	uint8_t size_class;
	bool of_entries;
	/* One for each block of entries; 0: free, or retired. */
	uint16_t tags[];
};

/* Of a slab of that number: one of the eighths of a page, so that few blocks reach into a second. */
static inline uint32_t slab_turn(uint32_t slab, uint32_t bytes)
{
	return slab % 8 * (SEGMENT_PAGE / 8) / bytes;
}

static inline place_t block_place(const struct heap *heap, const struct heap_slab *slab,
				  uint32_t block)
{
	uint32_t at = block + slab->turn;

	if (at >= slab->blocks)
		at -= slab->blocks;
	return segment_slab_place(heap->segment, slab->slab) + at * (slab->bytes / LINE_BYTES);
}

/*
 * NULL: the block is in a slab of an earlier program of this process. It comes back with
 * the process's end or last close, and must be left alone until then.
 */
static inline struct heap_slab *slab_of(struct heap *heap, place_t place)
{
	uint32_t slab = segment_slab_of(heap->segment, place);

	return slab < heap->of_size ? heap->of[slab] : NULL;
}

/* The block that @place lies in; not below slab->blocks if @place came from damage. */
static inline uint32_t block_of(const struct heap *heap, const struct heap_slab *slab,
				place_t place)
{
	uint32_t at = place - segment_slab_place(heap->segment, slab->slab);

	/* The usual size is spared the division. */
	if (caa_unlikely(slab->bytes != LINE_BYTES))
		at /= slab->bytes / LINE_BYTES;
	if (at >= slab->blocks)
		return at;
	return at < slab->turn ? at + slab->blocks - slab->turn : at - slab->turn;
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

static inline void tag_block(struct heap *heap, place_t place, uint16_t tag)
{
	uint16_t *at = tag_at(heap, place);

	if (at)
		*at = tag;
}

#endif
