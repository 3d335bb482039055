/* SPDX-License-Identifier: MIT */
/*
 * All meta is one blob that is never written to after it was linked: who changes something makes another
 * one. It lies in slabs of its own, side by side, whose owner is whoever made it. header->meta leads to it:
 *
 *   63            33 32                    0
 *  +----------------+-----------------------+
 *  | place          | changes so far        |
 *  +----------------+-----------------------+
 *
 *   step                                   killed here
 *   1 slabs are taken and filled           slabs of the dead that no word leads to: swept
 *   2 CAS header->meta                     the new one is in force; the sweep spares its slabs
 *   3 the old one's slabs are retired      not retired: the sweep does that when their maker is dead
 *
 * Step 3 takes each slab from its maker by CAS first, because a sweep may do so too; one of them wins.
 */
#include "shm/meta.h"

#include <errno.h>

#include "shm/copy.h"

static uint32_t slabs_of(uint32_t bytes)
{
	return (uint32_t)(((uint64_t)bytes + sizeof(struct meta_head) + SLAB_BYTES - 1) /
			  SLAB_BYTES);
}

uint64_t meta_word(const struct segment *s)
{
	/*
	 * ORD[meta_word:A] acquire: the word, then the blob; pairs with meta_replace:A
	 */
	return load_acquire(&s->header->meta);
}

static struct meta_head *meta_head(const struct segment *s, uint64_t word)
{
	place_t place = (place_t)(word >> PLACE_SHIFT);

	return place ? segment_at(s, place, sizeof(struct meta_head)) : NULL;
}

const void *meta_blob(const struct segment *s, uint64_t word, uint32_t *bytes)
{
	const struct meta_head *head = meta_head(s, word);

	if (!head)
		return NULL;
	*bytes = load_relaxed(&head->bytes); /* relaxed: behind the word */
	if (*bytes > SEGMENT_META_MAX ||
	    !segment_at(s, (place_t)(word >> PLACE_SHIFT), (uint32_t)sizeof(*head) + *bytes))
		return NULL;
	return head + 1;
}

int meta_take(const struct segment *s, const struct life_table *lives, owner_t self,
	      const void *from, uint32_t bytes, uint32_t *from_slab, place_t *out)
{
	uint32_t slab, i, count = slabs_of(bytes);
	struct meta_head *head;
	int err = land_take(s, lives, self, count, from_slab, &slab);

	if (err)
		return err;
	for (i = 0; i < count; i++)
		land_describe(s, slab + i, LAND_OF_META);
	*out = segment_slab_place(s, slab);
	head = segment_at(s, *out, (uint32_t)sizeof(*head) + bytes);
	if (!head)
		return -EUCLEAN;
	store_relaxed(&head->owner, self);  /* relaxed: private until the CAS */
	store_relaxed(&head->bytes, bytes); /* relaxed: as above */
	copy_in(head + 1, from, bytes);
	return 0;
}

void meta_return(const struct segment *s, place_t blob)
{
	struct meta_head *head = segment_at(s, blob, sizeof(*head));
	uint32_t i, slab = segment_slab_of(s, blob);
	uint32_t count = head ? slabs_of(load_relaxed(&head->bytes)) : 0; /* relaxed: our own */

	for (i = 0; i < count; i++)
		land_return(s, slab + i);
}

bool meta_replace(const struct writer *w, uint64_t seen, place_t blob)
{
	const struct segment *s = w->s;
	const struct meta_head *old = meta_head(s, seen);
	uint64_t changes = (seen + 1) & ((1ull << PLACE_SHIFT) - 1);
	uint32_t bytes, i, slab;

	/*
	 * ORD[meta_replace:A] acq_rel: the blob, then the word that leads to it; pairs with
	 * meta_word:A
	 */
	if (!cas_acq_rel(&s->header->meta, &seen,
			 (uint64_t)blob << PLACE_SHIFT | changes)) /* happens here */
		return false;
	if (!old || !meta_blob(s, seen, &bytes))
		return true;
	slab = segment_slab_of(s, (place_t)(seen >> PLACE_SHIFT));
	for (i = 0; i < slabs_of(bytes); i++) {
		/* relaxed: constant */
		if (land_hand_over(s, slab + i, load_relaxed(&old->owner), w->self))
			land_retire(s, slab + i);
	}
	return true;
}

bool meta_is_in(const struct segment *s, uint32_t slab)
{
	uint64_t word = meta_word(s);
	uint32_t bytes, first;

	if (!meta_blob(s, word, &bytes))
		return false;
	first = segment_slab_of(s, (place_t)(word >> PLACE_SHIFT));
	return slab >= first && slab < first + slabs_of(bytes);
}
