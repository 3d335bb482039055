/* SPDX-License-Identifier: MIT */
/*
 * Slabs all of whose blocks wait go back to the land as they are, retired.
 *
 * An owner that registers and unregisters at full speed has many blocks that wait. To have
 * them back it begins two epochs, each of which interrupts all CPUs, so it should do that
 * seldom; but what waits in its heap no other process can use, and it may be stopped, or make
 * no call for hours. A retired slab can be taken by any process: land_take() begins the epochs
 * itself where there is no other land. So a heap keeps few blocks waiting, and many may wait
 * in the land: no process is refused memory for them, and they count for no quota.
 *
 * The heap remembers which slabs these were, in the order of their age, and takes them again
 * itself once their epochs are over; what another process has taken meanwhile it forgets. So
 * the land need not be searched, and does not grow while a few epochs' slabs are in turn.
 *
 *   slab               its blocks                    becomes
 *   the heap's         some in use, or free          waiting, with the last one retired
 *   waiting            all wait in the ring          vacated, by heap_vacate(); the heap's, if
 *                                                    one is collected first
 *   vacated            retired with the slab         the heap's, by heap_take_vacated(); or
 *                                                    another's, and is forgotten
 *
 * Only slabs of entries: a hazard names an entry, also for the block of its value, which may
 * lie in a slab of values far away. In a slab of entries it names what lies there.
 */
#include <stdlib.h>

#include "shm/heap_slab.h"

/* The ring is passed over once for so many blocks at least. */
#define VACATE_LEAST 128u
/*
 * With so many slabs since an epoch began the next one begins. So those of two epochs wait, and
 * those of the one before are in use again: 384 KiB together.
 */
#define VACATED_IN_EPOCH 128u
/* There are more only where the epoch was kept from advancing: then the oldest are forgotten. */
#define VACATED_MOST (4 * VACATED_IN_EPOCH)

/* The first of its class, which leaves the line. */
static struct heap_slab *oldest(struct heap *heap, uint32_t size_class)
{
	struct heap_vacated *vacated = &heap->vacated[size_class];
	struct heap_slab *slab = vacated->first;

	vacated->first = slab->next;
	heap->vacated_slabs -= slab->span;
	return slab;
}

/* It is the land's, or another's. */
static void forget(struct heap *heap, struct heap_slab *slab)
{
	heap->slabs[true][slab->size_class]--;
	free(slab);
}

/* The end of a line is followed by nothing at any moment, for heap_forget() after fork(). */
static void append(struct heap *heap, struct heap_slab *slab)
{
	struct heap_vacated *vacated = &heap->vacated[slab->size_class];

	slab->next = NULL;
	if (vacated->first)
		vacated->last->next = slab;
	else
		vacated->first = slab;
	vacated->last = slab;
	heap->vacated_slabs += slab->span;
	while (heap->vacated_slabs > VACATED_MOST && vacated->first)
		forget(heap, oldest(heap, slab->size_class));
}

/* After its last block has left the ring. */
static void vacate(struct heap *heap, struct heap_slab *slab)
{
	uint32_t i;

	slab_leave(heap, slab);
	for (i = 0; i < slab->span; i++) {
		uint32_t at = slab->slab + i;

		/* As it was cut, for an heir, should the process die here. */
		land_describe(heap->segment, at, land_about(heap->segment, at) | LAND_VACATED);
		/* Damage may have given it to another already, which then keeps it. */
		land_retire_from(heap->segment, at, heap->self);
	}
	quota_return(&heap->quota, slab->span);
	heap->whole_blocks -= slab->blocks;
	/* Not below those in the words. */
	slab->stamp = grace_stamp(heap->segment);
	if (slab->stamp != heap->vacated_stamp)
		heap->vacated_since = 0;
	heap->vacated_stamp = slab->stamp;
	heap->vacated_since += slab->span;
	append(heap, slab);
}

/* What stays in the ring stays in order. */
static void vacate_whole(struct heap *heap)
{
	uint32_t i, count = heap->waiting_count, kept = 0;
	struct heap_waiting block;
	struct heap_slab *slab;

	for (i = 0; i < count; i++) {
		block = *waiting_at(heap, i);
		slab = slab_of(heap, block.place);
		if (!slab || !slab_is_whole(slab)) {
			*waiting_at(heap, kept++) = block;
			continue;
		}
		heap->waiting_bytes -= slab->bytes;
		heap->blocks--;
		if (++slab->left == slab->blocks)
			vacate(heap, slab);
	}
	heap->waiting_count = kept;
}

void heap_vacate(struct heap *heap)
{
	if (heap->whole_blocks < VACATE_LEAST)
		return;
	vacate_whole(heap);
	/* Where a section is open it is tried with the next slabs. */
	if (heap->vacated_since >= VACATED_IN_EPOCH)
		grace_advance(heap->segment, heap->lives, GRACE_PATIENT, NULL);
}

struct heap_slab *heap_take_vacated(struct heap *heap, int size_class)
{
	struct heap_slab *slab;

	while ((slab = heap->vacated[size_class].first)) {
		if (!grace_is_past(heap->segment, slab->stamp) ||
		    quota_take(&heap->quota, heap->segment, heap->self, slab->span))
			return NULL;
		oldest(heap, (uint32_t)size_class);
		/* By damage it may be in the heap already. */
		if (land_take_again(heap->segment, heap->lives, heap->self, slab->slab,
				    slab->span) &&
		    !slab_is_known(heap, slab->slab, slab->span))
			return slab;
		quota_return(&heap->quota, slab->span);
		forget(heap, slab);
	}
	return NULL;
}

void heap_forget_vacated(struct heap *heap)
{
	struct heap_slab *slab, *next;
	int i;

	for (i = 0; i < HEAP_CLASSES; i++) {
		for (slab = heap->vacated[i].first; slab; slab = next) {
			next = slab->next;
			free(slab);
		}
	}
}
