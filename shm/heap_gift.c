/* SPDX-License-Identifier: MIT */
/*
 * What a heap knows of gifts: they count for their maker's quota.
 *
 * Their slabs are not the heap's, and no block of them is in its books.
 */
#include "shm/heap.h"

/* The lock is kept on success, see heap.h. */
int heap_gift_begin(struct heap *heap, uint32_t slabs)
{
	int err;

	lock_take(&heap->lock);
	err = quota_take_gift(&heap->quota, heap->segment, heap->self, slabs);
	if (err)
		lock_give(&heap->lock);
	return err;
}

void heap_gift_end(struct heap *heap, uint32_t unused)
{
	quota_return_gift(&heap->quota, unused);
	lock_give(&heap->lock);
}

bool heap_may_shrink(struct heap *heap)
{
	bool may;

	lock_take(&heap->lock);
	may = heap->waiting_count || heap->quota.gifts;
	lock_give(&heap->lock);
	return may;
}
