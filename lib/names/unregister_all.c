/* SPDX-License-Identifier: MIT */
/*
 * Unregistering all that a handle, or its process, has.
 *
 *   step                                  killed here
 *   one entry after the other is          absent, because its owner is dead
 *     unregistered (change.c)
 *
 * Stopped or after exec between two, the process has those that were not reached yet.
 *
 * Memory says which keys there are, and not in the order of the list: to seek each entry in the
 * line of its key would take the square of the entries under a duplicate key. So where an entry is
 * met, all of its key go, in the order of the line.
 *
 * The tag of its block says through which handle an entry was registered; an update
 * through another handle keeps the tag. What belongs to the process but to no handle has no
 * tag of one: it is found in the slabs of the owner, those of earlier programs included, and
 * gifts in slabs of their own.
 *
 * Another thread that replaces an entry may move it into a slab that was passed already, so
 * the slabs are passed again if the row says that an entry has moved. Not without end: a
 * thread that goes on with it would keep this one in the call.
 */
#include "lib/names/unregister_all.h"

#include <errno.h>

#include "lib/names/change.h"
#include "shm/gift.h"
#include "shm/row.h"
#include "shm/query.h"

#define PASSES 8

/* What was found so far. */
struct all {
	struct kreg *k;
	uint32_t kinds;
	uint16_t tag; /* 0: of the process */
	int64_t count;
	int err; /* the first one */
};

static bool is_wanted(const struct all *all, const struct entry *entry, uint64_t info)
{
	const struct kreg *k = all->k;

	/*
	 * The entry may be unregistered and its memory used again meanwhile; the search
	 * for the key in it decides.
	 */
	return !(table_load(&entry->next) & REF_MARK) && entry_is_of(info, all->kinds) &&
	       entry_has_room(&k->segment, entry, ENTRY_HEAD + entry_key_size(info)) &&
	       /* relaxed: a hint */
	       owner_without_image(load_relaxed(&entry->owner)) == k->self.owner;
}

/* @unlinked: how many, or an error. */
static void count(struct all *all, int unlinked)
{
	if (unlinked > 0)
		all->count += unlinked;
	else if (unlinked && !all->err)
		all->err = unlinked;
}

/* Those under the key of @q. -ENOENT: all of them. */
static int unregister_key(struct all *all, const struct query *q)
{
	struct kreg *k = all->k;
	struct own_line line;
	struct change change;
	struct found own;
	int err = change_enter(&change, k, q);

	if (err)
		return err;
	change_own_line(&change, &line);
	while (!(err = change_own_next(&change, &line, &own))) {
		if (all->tag && heap_tag_of(k->heap, own.place) != all->tag)
			line.after = own.place;
		else
			count(all, change_own_unlink(&change, &line, &own));
	}
	change_leave(&change);
	return err;
}

/* Unregisters the entry at @place, if it is one of those, and what else is of its key. */
static void unregister_place(struct all *all, place_t place)
{
	struct segment *s = &all->k->segment;
	const struct entry *entry = segment_entry(s, place);
	unsigned char key[KREG_KEY_MAX];
	struct query q;
	uint64_t info;
	int err;

	if (!entry) {
		err = segment_fault(s);
		goto out;
	}
	info = load_relaxed(&entry->info); /* relaxed: as is_wanted() */
	if (!is_wanted(all, entry, info))
		return;
	copy_out(key, entry->bytes, entry_key_size(info));
	q = table_query_entry(s, all->k->self.owner, info, key);
	if (KIND_OF(entry_kind(info)) & KINDS_OF_NAMES)
		q.kinds = KINDS_OF_NAMES;
	/* A waiter for the end of a claim waits at the bell of the name. */
	if (entry_kind(info) == ENTRY_CLAIM)
		q.bell = table_query(s, key, entry_key_size(info)).bell;
	err = unregister_key(all, &q);
out:
	if (err != -ENOENT && !all->err)
		all->err = err;
}

/* One run of slabs at a time, so that the lock of the heap is not held for long. */
static void pass_tagged(struct all *all)
{
	place_t places[HEAP_RUN_BLOCKS];
	uint32_t run, runs, count, i;

	for (run = 0, runs = 1; run < runs; run++) {
		count = heap_tagged(all->k->heap, run, all->tag, places, &runs);
		for (i = 0; i < count; i++)
			unregister_place(all, places[i]);
	}
}

static void pass_slab(struct all *all, uint32_t slab)
{
	struct heap_cut cut = heap_cut_of_slab(&all->k->segment, slab);
	place_t place = segment_slab_place(&all->k->segment, slab);
	uint32_t i;

	for (i = 0; i < cut.blocks; i++, place += cut.bytes / LINE_BYTES)
		unregister_place(all, place);
}

static void pass_slabs(struct all *all)
{
	const struct segment *s = &all->k->segment;
	owner_t self = all->k->self.owner;
	uint32_t slab, slabs = land_slabs(s);

	for (slab = 0; slab < slabs; slab++) {
		if ((gift_in(s, slab) ? gift_owner(s, slab) : land_owner(s, slab)) == self)
			pass_slab(all, slab);
	}
}

static int64_t unregister_each(struct all *all)
{
	struct kreg *k = all->k;
	uint64_t moves;
	int passes = 0;

	do {
		moves = row_moves(&k->segment, k->self.owner);
		if (all->tag)
			pass_tagged(all);
		else
			pass_slabs(all);
	} while (row_moves(&k->segment, k->self.owner) != moves && ++passes < PASSES);
	return all->err ? all->err : all->count;
}

int64_t unregister_of_handle(struct kreg *k, uint32_t kinds)
{
	struct all all = { .k = k, .kinds = kinds, .tag = k->number };

	return unregister_each(&all);
}

static int64_t unregister_of_process(struct kreg *k)
{
	struct all all = { .k = k, .kinds = KINDS_OF_NAMES };

	return unregister_each(&all);
}

int64_t kreg_unregister_all(struct kreg *k, uint32_t flags)
{
	UNCANCELLABLE;
	int err;

	if (!k)
		return refuse(k, K_IS_NULL);
	if (flags & ~(uint32_t)KREG_UNREGISTER_PROCESS)
		return refuse(k, "flags has unknown bits: use KREG_UNREGISTER_*");
	err = handle_check(k);
	if (err)
		return err;
	return flags & KREG_UNREGISTER_PROCESS ? unregister_of_process(k)
					       : unregister_of_handle(k, KINDS_OF_NAMES);
}
