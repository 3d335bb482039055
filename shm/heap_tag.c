/* SPDX-License-Identifier: MIT */
/*
 * Tags: through which handle of the process each entry was registered.
 *
 * Closing one of several handles has to find its entries. Tags are private memory, beside
 * the bitmap of free blocks: no other process needs them, and once the process has died
 * they are not missed.
 */
#include "shm/heap_slab.h"

void heap_tag_like(struct heap *heap, place_t place, place_t other)
{
	uint16_t *like;

	lock_take(&heap->lock);
	/*
	 * An untagged @other was retired meanwhile, or belongs to an earlier program.
	 * With tag 0 the new entry would be taken for a free block, and no close would
	 * find it.
	 */
	like = tag_at(heap, other);
	tag_block(heap, place, like && *like ? *like : HEAP_OF_PROCESS);
	lock_give(&heap->lock);
}

uint16_t heap_tag_of(struct heap *heap, place_t place)
{
	uint16_t *at, tag;

	lock_take(&heap->lock);
	at = tag_at(heap, place);
	tag = at ? *at : 0;
	lock_give(&heap->lock);
	return tag;
}

/* of_size bounds the numbers of this heap's runs; those beyond it are others'. */
uint32_t heap_tagged(struct heap *heap, uint32_t run, uint16_t tag, place_t *out, uint32_t *runs)
{
	const struct heap_slab *at;
	uint32_t count = 0, i;

	lock_take(&heap->lock);
	*runs = heap->of_size;
	/* Its slabs do not overlap, so their blocks are not more than @out has room for. */
	for (at = run < heap->of_size ? heap->of[run] : NULL; at; at = at->next) {
		for (i = 0; at->of_entries && i < at->blocks; i++) {
			if (at->tags[i] == tag)
				out[count++] = block_place(heap, at, i);
		}
	}
	lock_give(&heap->lock);
	return count;
}
