/* SPDX-License-Identifier: MIT */
/*
 * An entry's memory is its owner's, so that it goes back when the owner dies. A gift is made by one owner for
 * another one, and neither's death alone says whether its memory is free: so it lies in a slab of nobody's
 * (land.c), which holds nothing else.
 *
 *   step                                        killed, or exec, here
 *   1 a slab is taken, the gift written         a slab of the dead with an entry in no list; of a program that lives
 *                                               on as another one: it comes back with its end, as blocks do
 *   2 the slab becomes nobody's                 in no list, and its maker is gone: over
 *   3 header->gifts is raised                   the same
 *   4 the giver's entry is replaced by the      it is the new owner's
 *     gift by one CAS: given
 *   5 the slab's word says that it is linked    the same; whoever sweeps looks into the list, and does that
 *
 * Whether a gift is over, everybody can tell:
 *
 *   its entry is marked                         over: who unregistered or replaced it retires the slab, or whoever
 *                                               comes by
 *   it was linked, and its owner is dead        over
 *   it is not known to be linked, and its       over if the list does not lead to it: nobody can link it any more
 *     maker's program is gone
 *   else                                        in use
 *
 * What is over stays over, and the slab's word has a ticket that no other gift gets: so whoever has found it
 * over, and gone past its order in the list, may retire the slab by a CAS from that word, however late. One of
 * them wins.
 *
 * A program that is started under a name gets that as a gift, before it runs: reserved, and linked as a new
 * entry in step 4; and another one in its place when it is ready.
 *
 * The owner's row does not count gifts, because two words cannot be changed at once. header->gifts says
 * whether it is worth while to look for some:
 *
 *   63               32 31                0
 *  +-------------------+-------------------+
 *  | gifts made so far | when none was     |   any: the halves differ
 *  |                   | left              |
 *  +-------------------+-------------------+
 *
 * Nobody lowers it, so nothing is lost with one who was to do so: who looks at all slabs and finds no gift that is
 * not over sets the lower half by CAS, which fails if another one was made meanwhile.
 */
#include "shm/gift.h"

#include <errno.h>

#include "shm/row.h"
#include "shm/query.h"

/* So often a sum may be overtaken. */
#define SUM_TRIES 256

int gift_make(const struct segment *s, const struct life_table *lives, const struct life_self *self,
	      owner_t to, const struct query *q, uint32_t kind, const void *value,
	      uint32_t value_size, struct gift_made *out)
{
	uint32_t head = entry_head(q->key_size), from = 0, slab;
	struct entry *entry;
	int err;

	if (head + value_size > GIFT_BYTES_MAX)
		return -EMSGSIZE;
	err = land_take(s, lives, self->owner, 1, &from, &slab);
	if (err)
		return err;
	out->place = segment_slab_place(s, slab);
	entry = segment_at(s, out->place, SLAB_BYTES);
	if (!entry)
		return -EUCLEAN;
	copy_in(entry->bytes, q->key, q->key_size);
	if (value_size)
		copy_in((unsigned char *)entry + head, value, value_size);
	store_relaxed(&entry->next, 0ull); /* relaxed: private until it is linked */
	store_relaxed(&entry->owner, to);  /* relaxed: as above */
	store_relaxed(&entry->info,        /* relaxed: as above */
		      entry_info(kind | ENTRY_GIFT, 0, value_size, q->key_size));
	/* relaxed: a number that nobody else gets */
	out->word =
		LAND_GIFT | (fetch_add_relaxed(&s->header->tickets, 1) & (LAND_GIFT_LINKED - 1));
	err = land_disown(s, slab, self, out->word);
	if (err)
		return err;
	/*
	 * ORD[gift_make:A] acq_rel: the slab is a gift's, then that there is one, then the link; pairs with
	 * gift_recount:A
	 */
	fetch_add_acq_rel(&s->header->gifts, 1ull << 32);
	return 0;
}

void gift_drop(const struct segment *s, const struct gift_made *gift)
{
	land_take_back(s, segment_slab_of(s, gift->place), gift->word);
}

void gift_linked(const struct segment *s, const struct gift_made *gift)
{
	land_rename(s, segment_slab_of(s, gift->place), gift->word, gift->word | LAND_GIFT_LINKED);
}

place_t gift_in(const struct segment *s, uint32_t slab)
{
	return land_is_gift(land_owner(s, slab)) ? segment_slab_place(s, slab) : 0;
}

owner_t gift_owner(const struct segment *s, uint32_t slab)
{
	place_t place = gift_in(s, slab);
	const struct entry *entry = place ? segment_at(s, place, SLAB_BYTES) : NULL;

	if (!entry || table_load(&entry->next) & REF_MARK)
		return 0;
	return load_relaxed(&entry->owner); /* relaxed: constant while it is a gift */
}

/* @key has room for 256 bytes. */
static struct query gift_query(const struct segment *s, const struct entry *entry,
			       unsigned char *key)
{
	uint32_t key_size = entry_key_size(load_relaxed(&entry->info)); /* relaxed: checked later */

	copy_out(key, entry->bytes, key_size);
	return table_query(s, key, key_size);
}

/* 0: the list leads to it, be it reserved, and its owner is alive. -ENOENT, -EUCLEAN. */
static int gift_find(const struct segment *s, const struct life_table *lives, place_t place,
		     struct found *out)
{
	const struct entry *entry = segment_at(s, place, SLAB_BYTES);
	unsigned char key[256];
	struct query q;

	if (!entry)
		return segment_fault(s);
	q = gift_query(s, entry, key);
	q.kinds = KINDS_OF_NAMES;
	q.owner = load_relaxed(&entry->owner); /* relaxed: checked through the list */
	return q.owner ? table_find_at(s, lives, &q, place, out) : -ENOENT;
}

/* Whether it is unregistered, or its owner dead: then it does not count any more, if it ever did. */
static bool gift_is_ended(const struct life_table *lives, const struct entry *entry)
{
	return table_load(&entry->next) & REF_MARK ||
	       !life_is_alive(lives, load_relaxed(&entry->owner)); /* relaxed: as its next */
}

/* Whether nobody can link it, or find it in the list as a living owner's. */
static bool gift_is_over(const struct writer *w, uint32_t slab, uint64_t word,
			 const struct entry *entry)
{
	struct found gift;
	int err;

	/* Only what was linked has a mark. */
	if (word & LAND_GIFT_LINKED || table_load(&entry->next) & REF_MARK)
		return gift_is_ended(w->lives, entry);
	if (land_maker_is_alive(w->s, w->lives, slab))
		return false;
	do {
		err = gift_find(w->s, w->lives, segment_slab_place(w->s, slab), &gift);
	} while (grace_again(w));
	if (!err)
		land_rename(w->s, slab, word, word | LAND_GIFT_LINKED);
	return err == -ENOENT;
}

bool gift_sweep(const struct writer *w, uint32_t slab)
{
	uint64_t word = land_owner(w->s, slab);
	const struct entry *entry = segment_at(w->s, segment_slab_place(w->s, slab), SLAB_BYTES);
	unsigned char key[256];
	struct query q;

	if (!land_is_gift(word) || !entry || !gift_is_over(w, slab, word, entry))
		return false;
	q = gift_query(w->s, entry, key);
	return !table_purge(w, &q) && land_retire_from(w->s, slab, word);
}

void gift_recount(const struct segment *s, const struct life_table *lives)
{
	uint32_t slab, slabs;
	uint64_t seen;

	/* What cannot be seen may be gifts. */
	if (!gift_is_any(s) || !segment_is_whole(s))
		return;
	/*
	 * ORD[gift_recount:A] acquire: how many were made, then the slabs' words; pairs with gift_make:A
	 */
	seen = load_acquire(&s->header->gifts);
	slabs = land_slabs(s);
	for (slab = 0; slab < slabs; slab++) {
		place_t place = gift_in(s, slab);
		const struct entry *entry = place ? segment_at(s, place, SLAB_BYTES) : NULL;

		if (entry && !gift_is_ended(lives, entry))
			return;
	}
	/* relaxed: fails if one was made after the look began */
	cas_relaxed(&s->header->gifts, &seen, (seen & ~0xffffffffull) | seen >> 32);
}

static int64_t sum_once(const struct segment *s, const struct life_table *lives, owner_t owner)
{
	uint32_t slab, slabs = land_slabs(s);
	struct found gift;
	int64_t sum = 0;

	for (slab = 0; slab < slabs; slab++) {
		place_t place = gift_in(s, slab);
		int err = place ? gift_find(s, lives, place, &gift) : -ENOENT;

		if (err && err != -ENOENT)
			return err;
		if (!err && entry_kind(gift.info) == ENTRY_NAME &&
		    row_is_members(s, lives, gift.owner))
			sum += !owner || gift.owner == owner;
	}
	return sum;
}

int64_t gift_sum(const struct segment *s, const struct life_table *lives, owner_t owner)
{
	int tries;

	if (gift_is_any(s) && !segment_is_whole(s))
		return -ENOMEM;
	for (tries = 0; tries < SUM_TRIES && gift_is_any(s); tries++) {
		uint64_t epoch = grace_peek(s);
		int64_t sum = sum_once(s, lives, owner);

		if (grace_peek_held(s, epoch))
			return sum;
	}
	return tries < SUM_TRIES ? 0 : -EAGAIN;
}
