/* SPDX-License-Identifier: MIT */
/*
 * A heap's bookkeeping of one slab, in private memory.
 *
 * It is separate from heap.h, so that only the two files that hold the heap's mutex can
 * see it.
 *
 * Needs     the heap's mutex, for every function here and every field.
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
	uint8_t size_class;
	bool of_entries;
	/* One for each block of entries; 0: free, or retired. */
	uint16_t tags[];
};

static inline place_t block_place(const struct heap *heap, const struct heap_slab *slab,
				  uint32_t block)
{
	return segment_slab_place(heap->segment, slab->slab) + block * (slab->bytes / LINE_BYTES);
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
	return (place - segment_slab_place(heap->segment, slab->slab)) / (slab->bytes / LINE_BYTES);
}

/* NULL: not an entry of this heap, or by damage not a block at all. */
static inline uint16_t *tag_at(struct heap *heap, place_t place)
{
	struct heap_slab *slab = slab_of(heap, place);

	return slab && slab->of_entries && block_of(heap, slab, place) < slab->blocks
		       ? &slab->tags[block_of(heap, slab, place)]
		       : NULL;
}

static inline void tag_block(struct heap *heap, place_t place, uint16_t tag)
{
	uint16_t *at = tag_at(heap, place);

	if (at)
		*at = tag;
}

#endif
