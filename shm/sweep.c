/* SPDX-License-Identifier: MIT */
/*
 * Sweeping is housekeeping: the dead's entries are absent already. It takes two steps for a slab:
 *
 *   step                                          killed, stopped or exec here
 *   1 go past the order of each of its entries    the slab is the dead's as before; any other sweep does it
 *   2 CAS the slab's word from the dead to        done
 *     retired
 *
 * The dead no longer link anything, so what step 1 has gone past stays out of the list; and the word of a dead
 * owner does not come back, so the CAS of step 2 is right however late it comes. Nobody claims the slab
 * meanwhile: a living owner would keep it that is stopped then, or calls exec. Two who sweep one slab do the
 * work twice, and the slab is retired once; so handles begin at different slabs.
 *
 * A slab of nobody's says by itself whether it is over, see gift.c and meta.c. One that cannot be cleaned because
 * the list is damaged stays the dead's, unused.
 */
#include "shm/sweep.h"

#include "shm/gift.h"
#include "shm/meta.h"
#include "shm/query.h"
#include "shm/table.h"

/*
 * Takes all entries in @slab, which are marked or of the dead, out of the list. False: damage keeps
 * one there, so the slab's memory must not be used again.
 */
static bool sweep_unlink(const struct writer *w, uint32_t slab)
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
		info = load_relaxed(&entry->info); /* relaxed: behind the slab's word */
		if (!entry_is_of(info, KINDS_USED) || ENTRY_HEAD + entry_key_size(info) > cut.bytes)
			continue;
		copy_out(key, entry->bytes, entry_key_size(info));
		q = table_query_entry(s, load_relaxed(&entry->owner), info, key);
		if (table_purge(w, &q))
			return false;
	}
	return true;
}

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
		info = load_relaxed(&entry->info);   /* relaxed: our own entries */
		owner = load_relaxed(&entry->owner); /* relaxed: as above */
		if (!entry_is_of(info, KINDS_USED) || owner_without_image(owner) != self)
			continue;
		next = table_load(&entry->next);
		while (!(next & REF_MARK) && !table_cas(&entry->next, &next, next | REF_MARK))
			;
	}
}

bool sweep_own(const struct writer *w)
{
	uint32_t slab, slabs = land_slabs(w->s);
	bool clean = segment_is_whole(w->s);

	for (slab = 0; slab < slabs; slab++) {
		if (land_owner(w->s, slab) != w->self)
			continue;
		sweep_mark(w->s, w->self, slab);
		clean &= sweep_unlink(w, slab);
	}
	return clean;
}

static uint64_t sweep_slab(const struct writer *w, uint32_t slab)
{
	const struct segment *s = w->s;
	uint64_t seen = land_owner(s, slab);

	if (land_is_nobodys(seen))
		return meta_sweep(w, slab) || gift_sweep(w, slab) ? SLAB_BYTES : 0;
	/* Nearly all slabs are somebody's who is alive: what they hold is not looked at. */
	if (!land_is_dead(w->lives, seen))
		return 0;
	/* In the fallback a thread of the dead may still be about to link something; see grace.c. */
	if (!w->lives->facts)
		grace_fence();
	if (!sweep_unlink(w, slab))
		return 0;
	return land_retire_from(s, slab, seen) ? SLAB_BYTES : 0;
}

uint64_t sweep_some(const struct writer *w, uint32_t *from, uint32_t count)
{
	uint32_t slabs = land_slabs(w->s);
	uint64_t bytes = 0;

	for (; count && slabs && !bytes; count--) {
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
