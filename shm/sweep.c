/* SPDX-License-Identifier: MIT */
/*
 * Sweeping is housekeeping: entries of the dead are absent already. It takes three steps
 * for a slab:
 *
 *   step                                          killed, stopped or exec here
 *   1 seek past the order of an entry             the entry is the dead's as before; any sweep
 *                                                 repeats the step
 *   2 CAS its owner word from the dead to         nobody has to do 1 for this entry again; then
 *     nobody                                      1 for the next one
 *   3 CAS the slab's word from the dead to        done
 *     retired, when all have gone through 2
 *
 * In this order: a retired slab is reused two epochs later, whatever the list leads to;
 * with an entry still linked, searches would walk into memory that belongs to another
 * owner.
 *
 * A dead owner links nothing any more, so what step 1 has removed stays out of the list;
 * and the word of a dead owner never comes back, so the CASes of 2 and 3 are right however
 * late they are. To readers nobody is as dead as the dead. The sweeper does not claim the
 * slab meanwhile: one that is stopped or calls exec would keep it for as long as it lives.
 * Two sweepers of one slab do some of the work twice, and it is retired once; so handles
 * start at different slabs.
 *
 * A registration takes SWEEP_ENTRIES out at most. That is more than it adds, so while
 * registrations go on the memory of the dead becomes less, and is gone when half as many
 * entries as the dead had were registered: by then the land has grown by that half at most.
 * As 2 stays when the sweeper dies, processes that register little and die soon keep up
 * too. Where the land is full before that, sweep_all() comes first.
 *
 * A slab without an owner holds the evidence itself whether it is over, see gift.c and
 * meta.c. A slab that cannot be cleaned because the list is damaged stays the dead
 * owner's, unused.
 */
#include "shm/sweep.h"

#include <errno.h>

#include "base/probe.h"
#include "shm/gift.h"
#include "shm/meta.h"
#include "shm/query.h"
#include "shm/table.h"

/*
 * How many entries of the dead one call takes out of the list; and how many slabs it looks
 * at to find some, which one in several registrations does.
 */
#define SWEEP_ENTRIES 2u
#define SWEEP_SLABS 64u
/* How much it retires: slabs of values have no entries, and a value may have many. */
#define SWEEP_BYTES (SLAB_RUN * SLAB_BYTES)

/*
 * Whether @entry, of a slab that was @owner's when the caller looked, need not be sought: it
 * is none, or a sweeper has done so. If the slab was not the dead's any more, the caller's
 * CAS of its word fails.
 */
static bool is_out(const struct entry *entry, uint32_t bytes)
{
	uint64_t info = load_relaxed(&entry->info); /* relaxed: behind the slab's word */

	/*
	 * ORD[is_out:A] acquire: the word, then the retiring: it comes after the entry was
	 * taken out by the process that has stored it; pairs with set_out:A
	 */
	return !entry_is_of(info, KINDS_USED) || ENTRY_HEAD + entry_key_size(info) > bytes ||
	       load_acquire(&entry->owner) == SEGMENT_NOBODY;
}

/*
 * Step 2. Named by a hazard from before its slab was seen to be the dead @owner's, the block
 * is still the entry; and what a hostile process has stored there stays.
 */
static void set_out(struct entry *entry, uint64_t owner)
{
	uint64_t seen = load_relaxed(&entry->owner); /* relaxed: the CAS looks again */

	/* ORD[set_out:A] acq_rel: the entry is out of the list, then this; pairs with is_out:A */
	if (owner_without_image(seen) == owner)
		cas_acq_rel(&entry->owner, &seen, SEGMENT_NOBODY);
}

/*
 * Takes the entry at @place in @slab, which is marked or a dead owner's, out of the list.
 * Size and kind are checked before the key is read: another process may have written
 * anything there. False: damage keeps it in the list, or the slab is not @owner's.
 */
static bool take_out(const struct writer *w, uint32_t slab, uint64_t owner, place_t place,
		     uint32_t bytes)
{
	const struct segment *s = w->s;
	const struct entry *entry = segment_at(s, place, bytes);
	unsigned char key[256];
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
	if (!entry_is_of(info, KINDS_USED) || ENTRY_HEAD + entry_key_size(info) > bytes)
		return true;
	copy_out(key, entry->bytes, entry_key_size(info));
	/* relaxed: behind the slab's word */
	q = table_query_entry(s, load_relaxed(&entry->owner), info, key);
	return !table_purge(w, &q, place);
}

/*
 * Goes on with the dead @owner's @slab from block *from on, until *entries were taken out.
 * 1: all of them are; 0: there are more; -EUCLEAN: damage, or it is not @owner's any more.
 *
 * It looks at every block, in use or not, because which ones are in use is private memory
 * of the dead. A block with an old, unlinked entry costs a seek that finds nothing.
 */
static int sweep_blocks(const struct writer *w, uint32_t slab, uint64_t owner, uint32_t *from,
			uint32_t *entries)
{
	struct heap_cut cut = heap_cut_of_slab(w->s, slab);

	for (; *from < cut.blocks; (*from)++) {
		place_t place = segment_slab_place(w->s, slab) + *from * (cut.bytes / LINE_BYTES);
		struct entry *entry = segment_at(w->s, place, cut.bytes);

		if (!entry)
			return -EUCLEAN;
		if (is_out(entry, cut.bytes))
			continue;
		if (!*entries)
			return 0;
		(*entries)--;
		if (!take_out(w, slab, owner, place, cut.bytes))
			return -EUCLEAN;
		set_out(entry, owner);
	}
	return 1;
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
		/* What had the mark was unregistered before. */
		if (!(next & REF_MARK) && entry_kind(info) == ENTRY_NAME)
			PROBE(name_unregistered, s->inode, entry->bytes, entry_key_size(info));
	}
}

/* False: damage keeps one of @self's entries in the list. */
static bool sweep_unlink(const struct writer *w, owner_t self, uint32_t slab)
{
	struct heap_cut cut = heap_cut_of_slab(w->s, slab);
	place_t place = segment_slab_place(w->s, slab);
	uint32_t i;

	for (i = 0; i < cut.blocks; i++, place += cut.bytes / LINE_BYTES) {
		if (!take_out(w, slab, self, place, cut.bytes))
			return false;
	}
	return true;
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
		clean &= sweep_unlink(w, w->self, slab);
	}
	return clean;
}

/* Most slabs belong to a living owner, or are free: nothing in them is read. */
static bool is_of_living(const struct life_table *lives, uint64_t word)
{
	return !land_is_nobodys(word) && !land_is_dead(lives, word);
}

/*
 * Begins with the slab at *at, or goes on with it, until *entries were taken out. The
 * slab's bytes if it was reclaimed, else 0; @at is past it unless there is more to do.
 */
static uint64_t sweep_slab(const struct writer *w, struct sweep_at *at, uint32_t *entries)
{
	uint64_t seen = land_owner(w->s, at->slab), bytes = 0;
	int done;

	if (land_is_nobodys(seen)) {
		bytes = meta_sweep(w, at->slab) || gift_sweep(w, at->slab) ? SLAB_BYTES : 0;
		goto next;
	}
	if (is_of_living(w->lives, seen))
		goto next;
	if (at->owner != seen) {
		/*
		 * In the fallback a thread of a dead process may still be running towards
		 * the CAS that links an entry; see grace.c. The fence ends it, once
		 * for all slabs of that owner; without that, the entry could get into
		 * the list after step 1.
		 */
		if (!w->lives->facts && at->ended != seen)
			grace_fence();
		at->ended = at->owner = seen;
		at->block = 0;
	}
	done = sweep_blocks(w, at->slab, seen, &at->block, entries);
	if (!done)
		return 0;
	if (done > 0 && land_retire_from(w->s, at->slab, seen)) {
		fetch_add_relaxed(&w->s->header->swept, 1); /* relaxed: a figure */
		bytes = SLAB_BYTES;
	}
next:
	at->slab++;
	at->owner = 0;
	return bytes;
}

/*
 * The word of a slab that is swept in several calls is compared in each: if the slab was
 * reclaimed and taken again meanwhile, it is another one.
 */
uint64_t sweep_some(const struct writer *w, struct sweep_at *at)
{
	uint32_t slabs = land_slabs(w->s), entries = SWEEP_ENTRIES, looked;
	uint64_t bytes = 0, living = 0, seen;

	PROBE(sweep_begin, w->s->inode, 0);
	/* Each slab once at most. */
	for (looked = 0; looked < SWEEP_SLABS && looked < slabs && bytes < SWEEP_BYTES; looked++) {
		/* A round is complete: a count of the gifts is worth its walk. */
		if (at->slab >= slabs) {
			at->slab = 0;
			gift_recount(w->s, w->lives);
		}
		/* Mostly it is of the owner of the one before. */
		seen = land_owner(w->s, at->slab);
		if (!at->owner && (seen == living || is_of_living(w->lives, seen))) {
			living = seen;
			at->slab++;
			continue;
		}
		bytes += sweep_slab(w, at, &entries);
		if (at->owner)
			break;
	}
	PROBE(sweep_end, w->s->inode, bytes);
	return bytes;
}

uint64_t sweep_all(const struct writer *w)
{
	struct sweep_at at = { 0 };
	uint32_t slabs = land_slabs(w->s), entries = UINT32_MAX;
	uint64_t bytes = 0;

	PROBE(sweep_begin, w->s->inode, 1);
	while (at.slab < slabs)
		bytes += sweep_slab(w, &at, &entries);
	gift_recount(w->s, w->lives);
	PROBE(sweep_end, w->s->inode, bytes);
	return bytes;
}
