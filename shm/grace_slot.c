/* SPDX-License-Identifier: MIT */
/*
 * Slots: a thread takes one before its first section, and gives it back when it ends.
 *
 *   taken by a thread that dies               the slot is the dead's: taken by another thread
 *   between the CAS that takes a dead one's   it looks like an old section of a living owner, which is
 *     slot and the clearing of its words      expelled as any other
 *   given back                                free
 */
#include "shm/grace.h"

#include "base/process.h"

static void high_raise(uint64_t *high, uint64_t at_least)
{
	/* relaxed: raised before the first section, so the fence of an advance orders both */
	uint64_t seen = load_relaxed(high);

	while (seen < at_least && !cas_relaxed(high, &seen, at_least)) /* relaxed: as above */
		;
}

bool grace_slot_is_interrupted(const struct life_table *lives, const struct slot *slot,
			       uint64_t *word)
{
	/*
	 * ORD[grace_slot_is_interrupted:A] acquire: whose it is, then what became of it; pairs with
	 * grace_slot_free:A
	 */
	*word = load_acquire(&slot->owner);
	/* relaxed: the word of a program that is gone does not change */
	return *word && lives->facts && load_relaxed(&slot->writing) &&
	       !life_image_is_alive(lives, *word) &&
	       life_is_alive(lives, owner_without_image(*word));
}

void grace_slot_free(struct slot *slot, uint64_t word)
{
	/*
	 * ORD[grace_slot_free:A] acq_rel: what was recovered, then the slot; pairs with
	 * grace_slot_is_interrupted:A, slot_take:A
	 */
	cas_acq_rel(&slot->owner, &word, 0ull);
}

static bool slot_take(const struct segment *s, const struct life_table *lives, struct slot *slot,
		      uint64_t me)
{
	/* relaxed: the CAS looks again */
	uint64_t seen = load_relaxed(&slot->owner), word;

	if (seen &&
	    (life_image_is_alive(lives, seen) || grace_slot_is_interrupted(lives, slot, &word)))
		return false;
	/*
	 * ORD[slot_take:A] acq_rel: the last owner's stores, then ours; pairs with
	 * grace_slot_return:A, grace_slot_free:A
	 */
	if (!cas_acq_rel(&slot->owner, &seen, me)) /* happens here */
		return false;
	/* In the fallback its thread may still run for an instant, and store into its slot; see grace.c. */
	if (seen)
		grace_fence();
	store_relaxed(&slot->reading, 0ull); /* relaxed: a late look only delays an advance */
	store_relaxed(&slot->writing, 0ull); /* relaxed: as above */
	high_raise(&s->header->slots_high, (uint64_t)(slot - s->slots) + 1);
	return true;
}

struct slot *grace_slot_take(const struct segment *s, const struct life_table *lives,
			     const struct life_self *self, bool joined)
{
	uint64_t me = owner_with_image(self->owner, self->image);
	uint32_t i;

	for (i = 0; i < s->slots_count; i++) {
		struct slot *slot = &s->slots[i];

		if (!slot_take(s, lives, slot, me))
			continue;
		store_relaxed(&slot->tid, (uint32_t)process_tid()); /* relaxed: for people */
		store_relaxed(&slot->fenced, (uint16_t)!joined); /* relaxed: before the first use */
		return slot;
	}
	return NULL;
}

void grace_slot_return(struct slot *slot)
{
	/*
	 * ORD[grace_slot_return:A] release: our last section, then the slot; pairs with
	 * slot_take:A
	 */
	store_release(&slot->owner, 0ull);
}
