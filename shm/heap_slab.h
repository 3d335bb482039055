/* SPDX-License-Identifier: MIT */
/*
 * A heap's bookkeeping of one slab, in private memory.
 *
 * Needs     the heap's mutex.
 * Used by   heap.c, heap_tag.c.
 */
#ifndef KREG_SHM_HEAP_SLAB_H
#define KREG_SHM_HEAP_SLAB_H

#include "shm/heap.h"

struct heap_slab {
	struct cds_list_head node; /* in heap.room, while a block is free */
	uint64_t free[HEAP_SLAB_BLOCKS / 64];
	uint32_t slab;
	uint32_t span; /* slabs, if there is one block in all of them; else 0 */
	uint32_t blocks;
	uint32_t blocks_free;
	uint32_t bytes;
	uint8_t size_class;
	bool of_entries;
	uint16_t tags[]; /* one for each block of entries; 0: free, or retired */
};

static inline place_t block_place(const struct heap *heap, const struct heap_slab *slab,
				  uint32_t block)
{
	return segment_slab_place(heap->segment, slab->slab) + block * (slab->bytes / LINE_BYTES);
}

/* NULL: the block is in a slab of an earlier program of this process, and goes with the process. */
static inline struct heap_slab *slab_of(struct heap *heap, place_t place)
{
	uint32_t slab = segment_slab_of(heap->segment, place);

	return slab < heap->of_size ? heap->of[slab] : NULL;
}

static inline uint32_t block_of(const struct heap *heap, const struct heap_slab *slab,
				place_t place)
{
	return (place - segment_slab_place(heap->segment, slab->slab)) / (slab->bytes / LINE_BYTES);
}

/* NULL: no entry of ours. */
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
