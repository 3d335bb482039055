/* SPDX-License-Identifier: MIT */
/*
 * An entry's memory is its owner's, so that it goes back when the owner dies. A gift is made by another
 * one: in a slab that holds nothing else, so that the slab can be handed over by one CAS.
 *
 *   step                                        killed here
 *   1 a slab is taken, the gift written         a slab of the dead with an entry in no list
 *   2 the giver's entry is replaced by the gift the slab is the dead giver's, the gift is alive: whoever
 *     by one CAS: given                         sweeps hands the slab over
 *   3 the slab is handed over by CAS            done
 *
 * The new owner may have unregistered the gift before step 3. So both look for the other: who unregisters
 * marks the entry first and tries to retire the slab then, and the giver hands over first and looks at the
 * mark then. The slab's word lets one of them do it.
 *
 * A program that is started under a name gets that as a gift, before it runs: reserved, and linked as a new
 * entry in step 2; and another one in its place when it is ready.
 *
 * The owner's row does not count gifts, because two words cannot be changed at once. header->gifts says
 * whether it is worth while to look for some; it may be too high after a death, which costs time alone, and
 * is never too low: it is raised before a gift is written, and lowered after that was wiped out.
 */
#include "shm/gift.h"

#include <errno.h>

#include "shm/table_search.h"

/* Peeks that were overtaken are tried so often before giving up. */
#define SUM_TRIES 256

static void gifts_add(const struct segment *s, uint64_t count)
{
	/* relaxed: the link that is CASed later orders it */
	fetch_add_relaxed(&s->header->gifts, count);
}

int gift_make(const struct segment *s, const struct life_table *lives, owner_t self, owner_t to,
	      const struct query *q, uint32_t kind, const void *value, uint32_t value_size,
	      place_t *out)
{
	uint32_t head = entry_head(q->key_size), from = 0, slab;
	struct entry *entry;
	int err;

	if (head + value_size > GIFT_BYTES_MAX)
		return -EMSGSIZE;
	err = land_take(s, lives, self, 1, &from, &slab);
	if (err)
		return err;
	*out = segment_slab_place(s, slab);
	entry = segment_at(s, *out, SLAB_BYTES);
	if (!entry)
		return -EUCLEAN;
	copy_in(entry->bytes, q->key, q->key_size);
	if (value_size)
		copy_in((unsigned char *)entry + head, value, value_size);
	gifts_add(s, 1);
	store_relaxed(&entry->next, 0ull); /* relaxed: private until it is linked */
	store_relaxed(&entry->owner, to);  /* relaxed: as above */
	store_relaxed(&entry->info,        /* relaxed: as above */
		      entry_info(kind | ENTRY_GIFT, 0, value_size, q->key_size));
	land_describe(s, slab, heap_about_entries(SLAB_BYTES) | LAND_OF_GIFT);
	return 0;
}

/* Nobody takes it for a gift any more. */
static void gift_wipe(const struct segment *s, place_t place)
{
	struct entry *entry = segment_at(s, place, SLAB_BYTES);

	if (entry)
		store_relaxed(&entry->info, 0ull); /* relaxed: it is in no list */
}

void gift_drop(const struct segment *s, place_t place)
{
	gift_wipe(s, place);
	land_return(s, segment_slab_of(s, place));
	gifts_add(s, -1ull);
}

place_t gift_in(const struct segment *s, uint32_t slab)
{
	place_t place = segment_slab_place(s, slab);
	const struct entry *entry;

	if (!(land_about(s, slab) & LAND_OF_GIFT))
		return 0;
	entry = segment_at(s, place, SLAB_BYTES);
	/* relaxed: checked later */
	return entry && entry_is_gift(load_relaxed(&entry->info)) ? place : 0;
}

owner_t gift_owner(const struct segment *s, uint32_t slab)
{
	place_t place = gift_in(s, slab);
	const struct entry *entry = place ? segment_at(s, place, SLAB_BYTES) : NULL;

	if (!entry || table_load(&entry->next) & REF_MARK)
		return 0;
	return load_relaxed(&entry->owner); /* relaxed: constant while it is a gift */
}

void gift_retire(const struct writer *w, place_t place, owner_t owner)
{
	gift_wipe(w->s, place);
	if (land_retire_from(w->s, segment_slab_of(w->s, place), owner))
		gifts_add(w->s, -1ull);
}

void gift_pass(const struct writer *w, place_t place, owner_t from, owner_t to)
{
	const struct segment *s = w->s;
	struct entry *entry = segment_at(s, place, SLAB_BYTES);
	unsigned char key[256];
	struct query q;
	uint64_t info;

	if (!entry || !land_hand_over(s, segment_slab_of(s, place), from, to))
		return;
	/*
	 * ORD[gift_pass:A] full: the slab is theirs, then whether they had unregistered it; pairs with
	 * table_cas:A of the mark, land_retire_from:A
	 */
	full_fence();
	if (!(table_load(&entry->next) & REF_MARK))
		return;
	info = load_relaxed(&entry->info); /* relaxed: behind the link; 0: the other one is at it */
	if (!entry_is_gift(info))
		return;
	copy_out(key, entry->bytes, entry_key_size(info));
	q = table_query(s, key, entry_key_size(info));
	if (!table_purge(w, &q))
		gift_retire(w, place, to);
}

/* 0: the list leads to it, be it reserved, and its owner is alive. -ENOENT, -EUCLEAN. */
static int gift_find(const struct segment *s, const struct life_table *lives, place_t place,
		     struct found *out)
{
	const struct entry *entry = segment_at(s, place, SLAB_BYTES);
	unsigned char key[256];
	uint64_t info;
	struct query q;

	if (!entry)
		return -EUCLEAN;
	info = load_relaxed(&entry->info); /* relaxed: checked through the list */
	copy_out(key, entry->bytes, entry_key_size(info));
	q = table_query(s, key, entry_key_size(info));
	q.kinds = KINDS_OF_NAMES;
	q.owner = load_relaxed(&entry->owner); /* relaxed: as above */
	return q.owner ? table_find_at(s, lives, &q, place, out) : -ENOENT;
}

bool gift_rescue(const struct writer *w, uint32_t slab, uint64_t seen)
{
	place_t place = gift_in(w->s, slab);
	struct found gift;

	if (!place || gift_find(w->s, w->lives, place, &gift) || gift.owner == seen)
		return false;
	gift_pass(w, place, seen, gift.owner);
	return true;
}

static int64_t sum_once(const struct segment *s, const struct life_table *lives, owner_t owner)
{
	uint32_t slab, slabs = land_slabs(s);
	struct found gift;
	int64_t sum = 0;

	for (slab = 0; slab < slabs; slab++) {
		place_t place = gift_in(s, slab);
		int err = place ? gift_find(s, lives, place, &gift) : -ENOENT;

		if (err == -EUCLEAN)
			return err;
		if (!err && entry_kind(gift.info) == ENTRY_NAME)
			sum += !owner || gift.owner == owner;
	}
	return sum;
}

int64_t gift_sum(const struct segment *s, const struct life_table *lives, owner_t owner)
{
	int tries;

	for (tries = 0; tries < SUM_TRIES && gift_is_any(s); tries++) {
		uint64_t epoch = grace_peek(s);
		int64_t sum = sum_once(s, lives, owner);

		if (grace_peek_held(s, epoch))
			return sum;
	}
	return tries < SUM_TRIES ? 0 : -EAGAIN;
}
