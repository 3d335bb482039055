/* SPDX-License-Identifier: MIT */
/*
 * Sweeping is housekeeping: entries of the dead are absent already. It takes two steps
 * a slab:
 *
 *   step                                          killed, stopped or exec here
 *   1 seek past the order of each of its entries  the slab is the dead's as before; any sweep
 *                                                 repeats the step
 *   2 CAS the slab's word from the dead to        done
 *     retired
 *
 * In this order: a retired slab is reused two epochs later, whatever the list leads to;
 * with an entry still linked, searches would walk into memory that belongs to another
 * owner.
 *
 * A dead owner links nothing any more, so what step 1 has removed stays out of the
 * list; and the word of a dead owner never comes back, so the CAS of step 2 is right
 * however late it is. The sweeper does not claim the slab meanwhile: one that is
 * stopped or calls exec would keep it for as long as it lives. Two sweepers of one slab
 * do the work twice, and it is retired once; so handles start at different slabs.
 *
 * A slab without an owner holds the evidence itself whether it is over, see gift.c and
 * meta.c. A slab that cannot be cleaned because the list is damaged stays the dead
 * owner's, unused.
 */
#include "shm/sweep.h"

#include "shm/gift.h"
#include "shm/meta.h"
#include "shm/query.h"
#include "shm/table.h"

/*
 * Takes all entries in @slab, which are marked or a dead owner's, out of the list. False:
 * damage keeps one there, so the slab's memory must not be reused.
 *
 * It looks at every block, in use or not, because which ones are in use is private
 * memory of the dead. A block with an old, unlinked entry costs a seek that finds
 * nothing. Size and kind are checked before the key is read: another process may have
 * written anything there.
 */
static bool sweep_unlink(const struct writer *w, uint32_t slab, uint64_t owner)
{
	const struct segment *s = w->s;
	struct heap_cut cut = heap_cut_of_slab(s, slab);
	place_t place = segment_slab_place(s, slab);
	unsigned char key[256];
	uint32_t i;

	for (i = 0; i < cut.blocks; i++, place += cut.bytes / LINE_BYTES) {
		const struct entry *entry = segment_at(s, place, cut.bytes);
		uint64_t info;
		struct query q;

		if (!entry)
			return false;
		/*
		 * The index is cleared by the block's place, so the block must not be another
		 * entry's by then: it is named while the slab is still @owner's.
		 */
		while (!grace_protect(w, HAZARD_OWN, place))
			;
		if (land_owner(s, slab) != owner)
			return false;
		info = load_relaxed(&entry->info); /* relaxed: behind the slab's word */
		if (!entry_is_of(info, KINDS_USED) || ENTRY_HEAD + entry_key_size(info) > cut.bytes)
			continue;
		copy_out(key, entry->bytes, entry_key_size(info));
		q = table_query_entry(s, load_relaxed(&entry->owner), info, key);
		if (table_purge(w, &q, place))
			return false;
	}
	return true;
}

/*
 * Marks all entries of @self in @slab. After this every search misses them, whatever
 * program of the process registered them. A kill between two of them leaves the rest to
 * the death, which ends them all in one store.
 */
static void sweep_mark(const struct segment *s, owner_t self, uint32_t slab)
{
	struct heap_cut cut = heap_cut_of_slab(s, slab);
	place_t place = segment_slab_place(s, slab);
	uint32_t i;

	for (i = 0; i < cut.blocks; i++, place += cut.bytes / LINE_BYTES) {
		struct entry *entry = segment_at(s, place, cut.bytes);
		uint64_t info, owner;
		ref_t next;

		if (!entry)
			continue;
		/*
		 * The owner too: a slab may have a block that was damaged, and marking
		 * another owner's entry would unregister a name that is alive.
		 */
		info = load_relaxed(&entry->info);   /* relaxed: our own entries */
		owner = load_relaxed(&entry->owner); /* relaxed: as above */
		if (!entry_is_of(info, KINDS_USED) || owner_without_image(owner) != self)
			continue;
		next = table_load(&entry->next);
		while (!(next & REF_MARK) && !table_cas(&entry->next, &next, next | REF_MARK))
			;
	}
}

/*
 * Marks come first, slab by slab, because sweep_unlink() only removes what is marked or
 * dead, and the owner is alive. Where the process cannot see all land, entries beyond
 * may be left.
 */
bool sweep_own(const struct writer *w)
{
	uint32_t slab, slabs = land_slabs(w->s);
	bool clean = segment_is_whole(w->s);

	for (slab = 0; slab < slabs; slab++) {
		if (land_owner(w->s, slab) != w->self)
			continue;
		sweep_mark(w->s, w->self, slab);
		clean &= sweep_unlink(w, slab, w->self);
	}
	return clean;
}

/*
 * Reclaims @slab if it can be; its bytes, or 0. The word is loaded once, and the CAS
 * expects that very word: a slab that was reclaimed and taken again meanwhile has
 * another one.
 */
static uint64_t sweep_slab(const struct writer *w, uint32_t slab)
{
	const struct segment *s = w->s;
	uint64_t seen = land_owner(s, slab);

	if (land_is_nobodys(seen))
		return meta_sweep(w, slab) || gift_sweep(w, slab) ? SLAB_BYTES : 0;
	/* Most slabs belong to a living owner: nothing in them is read. */
	if (!land_is_dead(w->lives, seen))
		return 0;
	/*
	 * In the fallback a thread of a dead process may still be running towards the
	 * CAS that links an entry; see grace.c. The fence ends it; without that, the
	 * entry could get into the list after step 1.
	 */
	if (!w->lives->facts)
		grace_fence();
	if (!sweep_unlink(w, slab, seen))
		return 0;
	return land_retire_from(s, slab, seen) ? SLAB_BYTES : 0;
}

uint64_t sweep_some(const struct writer *w, uint32_t *from, uint32_t count)
{
	uint32_t slabs = land_slabs(w->s);
	uint64_t bytes = 0;

	for (; count && slabs && !bytes; count--) {
		/* A round is complete: a count of the gifts is worth its walk. */
		if (*from >= slabs) {
			*from = 0;
			gift_recount(w->s, w->lives);
		}
		bytes = sweep_slab(w, (*from)++);
	}
	return bytes;
}

uint64_t sweep_all(const struct writer *w)
{
	uint32_t slab, slabs = land_slabs(w->s);
	uint64_t bytes = 0;

	for (slab = 0; slab < slabs; slab++)
		bytes += sweep_slab(w, slab);
	gift_recount(w->s, w->lives);
	return bytes;
}
