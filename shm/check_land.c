/* SPDX-License-Identifier: MIT */
/*
 * Slabs, meta and gifts: each slab's word is one that land.c, gift.c or meta.c writes,
 * and what the header leads to is there.
 *
 * A slab's content cannot be judged by itself; entries are checked against their slab
 * when the list leads to them (check_list.c).
 */
#include "shm/check_look.h"
#include "shm/gift.h"
#include "shm/meta.h"

/*
 * Whether the seat of @owner has had that incarnation. Dead owners are fine: a slab stays
 * the dead's until it is swept. An incarnation that is yet to come is not: the slab would
 * come alive with a process that never took it.
 */
static bool has_lived(const struct look *look, owner_t owner)
{
	uint32_t seat = owner_seat(owner);
	uint64_t life;

	if (seat >= look->lives->seats || owner != owner_without_image(owner) ||
	    !owner_incarnation(owner))
		return false;
	/* relaxed: incarnations only grow */
	life = load_relaxed(&look->lives->words[seat]);
	life >>= LIFE_INCARNATION_SHIFT;
	return ((life - owner_incarnation(owner)) & LIFE_INCARNATION_MASK) <=
	       LIFE_INCARNATION_MASK / 2;
}

/*
 * The epoch is loaded after the word: a slab may be retired, in an epoch that has just
 * begun, between the two the other way round, and its stamp would seem to be in the
 * future.
 */
static void look_slab(struct look *look, uint32_t slab)
{
	uint64_t word = land_owner(look->s, slab);
	uint64_t epoch = grace_peek(look->s);

	if (!word || word == SEGMENT_NOBODY ||
	    (land_is_nobodys(word) && word & (LAND_META | LAND_GIFT)) ||
	    (land_is_retired(word) ? (word & ~LAND_RETIRED) <= epoch : has_lived(look, word)))
		return;
	look_fault(
		look, FAULT_DIRECTORY, slab, word,
		"slab %u: directory word %#llx names neither an owner nor an epoch; " LOOK_DAMAGED,
		slab, (unsigned long long)word);
}

/*
 * Whether each slab of the blob at @word is unowned, and of meta. In a slab of an owner
 * the meta would be reused when that dies.
 */
static bool meta_is_sound(const struct segment *s, uint64_t word)
{
	uint32_t bytes, slab, end;

	if (!meta_is_any(word))
		return true;
	if (!meta_blob(s, word, &bytes))
		return false;
	slab = segment_slab_of(s, (place_t)(word >> PLACE_SHIFT));
	end = slab + (uint32_t)((bytes + sizeof(struct meta_head) + SLAB_BYTES - 1) / SLAB_BYTES);
	for (; slab < end; slab++) {
		uint64_t owner = land_owner(s, slab);

		if (owner != SEGMENT_NOBODY && !(land_is_nobodys(owner) && owner & LAND_META))
			return false;
	}
	return true;
}

static void look_meta(struct look *look)
{
	uint64_t word = meta_word(look->s);

	/* A process that has changed the meta meanwhile has retired the old blob. */
	if (!meta_is_sound(look->s, word) && word == meta_word(look->s))
		look_fault(look, FAULT_META, 0, word,
			   "meta: word %#llx does not lead to a meta blob; " LOOK_DAMAGED,
			   (unsigned long long)word);
}

/* After the list, which has counted look->gifts. */
void look_land(struct look *look)
{
	uint32_t slab;

	for (slab = 0; slab < look->slabs; slab++)
		look_slab(look, slab);
	look_meta(look);
	/*
	 * The other way round is no fault: the number says that there may be some. Nor is it one if
	 * one of them was made since the look began, and was over when somebody looked for any.
	 */
	if (look->gifts && !gift_is_any(look->s) && gift_noted(look->s) == look->gifts_noted)
		look_fault(look, FAULT_GIFTS, 0, look->gifts,
			   "header: no gifts are noted, but the list has %llu, so kreg_count() "
			   "misses them; " LOOK_DAMAGED,
			   (unsigned long long)look->gifts);
}
