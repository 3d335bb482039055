/* SPDX-License-Identifier: MIT */
/*
 * Slots: a thread takes one before its first section and gives it back when it ends.
 *
 * An advancer looks only at slots, so a thread without one may not read with pointers or
 * change anything. It looks at those below header->slots_high, whose memory is reserved:
 *
 *   1 reserve the slot's page, raise slots_high     2 CAS its owner word
 *   3 enter a section: store its word               4 read the list
 *
 * No advancer misses a section in a slot that is new to it. It loads slots_high behind its
 * global fence, in the pass that counts. If the fence comes after 4 on the thread's CPU,
 * it comes after 1 and 3 too, and the pass looks at the slot; that holds also where
 * another thread has raised the number, because this one has loaded it in step 1. If the
 * fence comes before 4, step 4 finds nothing that was unlinked before the fence. Raised
 * after 3, the number could be seen late and memory be reused under the section. The same
 * for the hazards of an expelled section: the process that expelled it has looked at its
 * slot, so the number was visible before the epoch in which the hazards are read. Where sections
 * fence for themselves, their own fence in 3 stands for the global one.
 *
 *   killed here                              what is left
 *   between the reservation and the number   a page that nobody knows of; the next one to
 *                                            reserve it finds it there
 *   with the number raised                   a free slot
 *   with a slot                              a slot of the dead: another thread takes it
 *   between the CAS that takes a dead        an old section under a living owner (or under
 *     owner's slot and the clearing of its   the dead one again): expelled as any other
 *     words
 *   after giving it back                     a free slot
 */
#include "shm/grace.h"

#include <errno.h>

#include "base/process.h"

bool grace_slot_is_interrupted(const struct life_table *lives, const struct slot *slot,
			       uint64_t *word)
{
	/*
	 * ORD[grace_slot_is_interrupted:A] acquire: whose it is, then what became of it;
	 * pairs with grace_slot_free:A
	 */
	*word = load_acquire(&slot->owner);
	/*
	 * Only the guard keeps a life over exec. The program is over and the process is
	 * not, with a call open: exec came in the middle of it. relaxed: the word of a
	 * program that is gone does not change
	 */
	return *word && lives->facts && load_relaxed(&slot->writing) &&
	       !life_image_is_alive(lives, *word) &&
	       life_is_alive(lives, owner_without_image(*word));
}

void grace_slot_free(struct slot *slot, uint64_t word)
{
	/*
	 * ORD[grace_slot_free:A] acq_rel: what was recovered, then the slot. By CAS:
	 * several may recover the slot, and a late one must not free it for its next
	 * owner; pairs with grace_slot_is_interrupted:A, slot_take:A
	 */
	cas_acq_rel(&slot->owner, &word, 0ull);
}

/*
 * Takes @slot if it is free, its owner is dead, or it is of an earlier program that was
 * in no call. False: it is in use, or has to be recovered first, or another thread was
 * faster.
 */
static bool slot_take(const struct life_table *lives, struct slot *slot, uint64_t me)
{
	/* relaxed: the CAS checks it */
	uint64_t seen = load_relaxed(&slot->owner), word;

	if (seen &&
	    (life_image_is_alive(lives, seen) || grace_slot_is_interrupted(lives, slot, &word)))
		return false;
	/*
	 * ORD[slot_take:A] acq_rel: the last owner's stores, then ours; pairs with
	 * grace_slot_return:A, grace_slot_free:A, call_in:B. The slot changes hands here.
	 */
	if (!cas_acq_rel(&slot->owner, &seen, me))
		return false;
	/*
	 * In the fallback a thread of the dead may run for another instant and store into
	 * its slot, which is ours now; the fence ends it (see grace.c).
	 */
	if (seen)
		grace_fence();
	/* relaxed: a stale look at it only delays an advance */
	store_relaxed(&slot->reading, 0ull);
	store_relaxed(&slot->writing, 0ull); /* relaxed: as above */
	return true;
}

/*
 * The first slot that can be taken: low numbers keep slots_high, and so each pass over
 * all slots, small. Behind those that are reserved, one more is.
 */
int grace_slot_take(const struct segment *s, const struct life_table *lives,
		    const struct life_self *self, bool joined, struct slot **out)
{
	uint64_t me = owner_with_image(self->owner, self->image);
	uint32_t i;

	for (i = 0; i < s->slots_count; i++) {
		struct slot *slot = &s->slots[i];
		int err = segment_raise(s, &s->header->slots_high, i + 1, s->slots, sizeof(*slot));

		if (err)
			return err;
		if (!slot_take(lives, slot, me))
			continue;
		store_relaxed(&slot->tid, (uint32_t)process_tid()); /* relaxed: for people */
		/* relaxed: before the first section, read by this thread alone */
		store_relaxed(&slot->fenced, (uint16_t)!joined);
		*out = slot;
		return 0;
	}
	return -ENOBUFS;
}

void grace_slot_return(struct slot *slot)
{
	/*
	 * ORD[grace_slot_return:A] release: our last section, then the slot; pairs with
	 * slot_take:A
	 */
	store_release(&slot->owner, 0ull);
}
