/* SPDX-License-Identifier: MIT */
/*
 * Quota: how many slabs an owner has, read from the directory.
 *
 * What counts is slabs, by what their words in the directory say:
 *
 *   slab                                     counts for
 *   an owner's                               that owner, until it is returned or retired
 *   of a gift, or of its value               the process that made it, until the gift is over or
 *                                            that process is gone; from then on no owner
 *   of meta, retired, free, a dead owner's   no owner
 *
 * There is no shared word with the number of slabs of an owner, so no death, stop or exec
 * can leave one wrong: the directory is the count, and a dead owner's slabs are void in
 * it with the life. A process keeps copies of its own numbers in private memory, so that
 * taking a slab does not mean reading the whole directory:
 *
 *   slabs   exact: what an earlier program of the process has left, which comes back with the
 *           last handle, and what the present program's heap takes and gives back, under its
 *           lock; no other program of the process takes anything
 *   gifts   may be too high, because others end gifts. So they are counted again before
 *           anything is refused
 *
 * A gift's slab is taken and becomes nobody's under the heap's lock, so a new count
 * never misses one that is being made.
 */
#include "shm/quota.h"

#include <errno.h>

/*
 * The process that made the gift in @slab, whatever program it runs by now; 0: there is
 * no gift, or it changed hands during the look.
 */
static owner_t gift_maker(const struct segment *s, uint32_t slab)
{
	uint64_t word = land_owner(s, slab), about;

	if (!land_is_of_gift(word))
		return 0;
	about = land_about(s, slab);
	/*
	 * ORD[gift_maker:A] acquire: its maker, then the word again: if that has not
	 * changed, the maker was of this gift, or of its next state; pairs with
	 * land_disown:A
	 *
	 * Without the second look @about could be that of the slab's next use: it is
	 * written before the word changes, and the two words cannot be read at once. The
	 * linked flag is masked, because it changes within the life of one gift.
	 */
	fence_acquire();
	if ((land_owner(s, slab) ^ word) & ~(uint64_t)LAND_GIFT_LINKED)
		return 0;
	return about & LAND_MAKER ? owner_without_image(about & ~LAND_MAKER) : 0;
}

/*
 * The owner that @slab counts for, or 0. It may be dead: callers compare it with a living
 * owner, or ask.
 */
static owner_t payer(const struct segment *s, uint32_t slab)
{
	uint64_t word = land_owner(s, slab);

	if (word >> 32)
		return land_is_retired(word) ? 0 : word;
	return gift_maker(s, slab);
}

/*
 * Under the heap's lock, or before the heap is used: a gift whose slab is taken and not
 * yet nobody's would be in neither count.
 */
static uint32_t count_gifts(const struct segment *s, owner_t self)
{
	uint32_t slab, slabs = land_slabs(s), count = 0;

	for (slab = 0; slab < slabs; slab++)
		count += gift_maker(s, slab) == self;
	return count;
}

/*
 * At the first opening, before this program takes anything. Without a quota nothing is
 * counted, so an opening does not read the directory.
 */
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
	/*
	 * In 64 bits: the sum of three numbers that may come from damaged memory must not
	 * wrap around to a small one.
	 */
	return !s->owner_slabs || (uint64_t)quota->slabs + quota->gifts + slabs <= s->owner_slabs;
}

/*
 * Whether @slabs more are within the quota. The gifts are counted again only where the
 * quota would be exceeded, which is the only case that reads the whole directory. The
 * caller holds the heap's lock.
 */
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

int quota_take_gift(struct quota *quota, const struct segment *s, owner_t self, uint32_t slabs)
{
	int err = check(quota, s, self, slabs);

	if (!err)
		quota->gifts += slabs;
	return err;
}

void quota_return(struct quota *quota, uint32_t slabs)
{
	quota->slabs -= slabs;
}

void quota_return_gift(struct quota *quota, uint32_t slabs)
{
	quota->gifts -= slabs;
}

uint32_t quota_used(const struct segment *s, owner_t owner)
{
	uint32_t slab, slabs = land_slabs(s), count = 0;

	for (slab = 0; slab < slabs; slab++)
		count += payer(s, slab) == owner;
	return count;
}

/*
 * Reads the directory once, whatever the number of owners. The seat is checked before it
 * is used as an index, because the owner word is whatever stands in shared memory.
 */
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
