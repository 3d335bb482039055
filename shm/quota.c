/* SPDX-License-Identifier: MIT */
/*
 * What counts is slabs, by what the directory says of them:
 *
 *   slab                                     counts for
 *   an owner's                               it, until it is returned or retired
 *   of a gift                                the process that made it, until the gift is over or that process is
 *                                            gone; from then on nobody
 *   of meta, retired, anybody's, the dead's  nobody
 *
 * So there is no word that says how much an owner has, and nothing is left wrong by who dies, is stopped or calls exec:
 * the directory is the count, and the dead's slabs are void in it with the life. What is kept in private memory
 * is a copy, so that taking a slab is no look at all of them:
 *
 *   slabs   exact: those that an earlier program of the process has left, which come back with the last handle; and
 *           since no program but the present one takes anything, what its heap takes and gives back under its mutex
 *   gifts   may be too high: others end them. So it is counted anew before anything is refused
 *
 * A gift is taken and becomes nobody's under the heap's mutex, so a count anew misses none.
 */
#include "shm/quota.h"

#include <errno.h>

/* The process that made the gift in @slab, whatever program it runs by now; 0: there is none. */
static owner_t gift_maker(const struct segment *s, uint32_t slab)
{
	uint64_t word = land_owner(s, slab), about;

	if (!land_is_gift(word))
		return 0;
	about = land_about(s, slab);
	/*
	 * ORD[gift_maker:A] acquire: who made it, then the word once more: if that has not changed it was of this
	 * gift, or of its next state; pairs with land_disown:A
	 */
	fence_acquire();
	if ((land_owner(s, slab) ^ word) & ~(uint64_t)LAND_GIFT_LINKED)
		return 0;
	return about & LAND_MAKER ? owner_without_image(about & ~LAND_MAKER) : 0;
}

static owner_t payer(const struct segment *s, uint32_t slab)
{
	uint64_t word = land_owner(s, slab);

	if (word >> 32)
		return land_is_retired(word) ? 0 : word;
	return gift_maker(s, slab);
}

static uint32_t count_gifts(const struct segment *s, owner_t self)
{
	uint32_t slab, slabs = land_slabs(s), count = 0;

	for (slab = 0; slab < slabs; slab++)
		count += gift_maker(s, slab) == self;
	return count;
}

void quota_begin(struct quota *quota, const struct segment *s, owner_t self)
{
	uint32_t slab, slabs = s->owner_slabs ? land_slabs(s) : 0;

	*quota = (struct quota){ 0 };
	for (slab = 0; slab < slabs; slab++)
		quota->slabs += land_owner(s, slab) == self;
	if (slabs)
		quota->gifts = count_gifts(s, self);
}

static bool has_room(const struct quota *quota, const struct segment *s, uint32_t slabs)
{
	return !s->owner_slabs || (uint64_t)quota->slabs + quota->gifts + slabs <= s->owner_slabs;
}

static int check(struct quota *quota, const struct segment *s, owner_t self, uint32_t slabs)
{
	if (caa_likely(has_room(quota, s, slabs)))
		return 0;
	if (quota->gifts)
		quota->gifts = count_gifts(s, self);
	return has_room(quota, s, slabs) ? 0 : -EDQUOT;
}

int quota_take(struct quota *quota, const struct segment *s, owner_t self, uint32_t slabs)
{
	int err = check(quota, s, self, slabs);

	if (!err)
		quota->slabs += slabs;
	return err;
}

int quota_take_gift(struct quota *quota, const struct segment *s, owner_t self)
{
	int err = check(quota, s, self, 1);

	if (!err)
		quota->gifts++;
	return err;
}

void quota_return(struct quota *quota, uint32_t slabs)
{
	quota->slabs -= slabs;
}

void quota_return_gift(struct quota *quota)
{
	quota->gifts--;
}

uint32_t quota_used(const struct segment *s, owner_t owner)
{
	uint32_t slab, slabs = land_slabs(s), count = 0;

	for (slab = 0; slab < slabs; slab++)
		count += payer(s, slab) == owner;
	return count;
}

void quota_used_by_all(const struct segment *s, const struct life_table *lives, uint32_t *slabs,
		       uint32_t seats)
{
	uint32_t slab, end = land_slabs(s);

	for (slab = 0; slab < end; slab++) {
		owner_t owner = payer(s, slab);

		if (owner_seat(owner) < seats && life_is_alive(lives, owner))
			slabs[owner_seat(owner)]++;
	}
}
