/* SPDX-License-Identifier: MIT */
/*
 * Gifts, step by step.
 *
 * Whether a gift's memory is free follows neither from its maker's death nor from its new
 * owner's. So it lies in an unowned slab (land.c), which holds nothing else and can be
 * retired by one CAS.
 *
 *   step                                killed, or exec, here
 *   1 a slab is taken, the gift         a slab of the dead with an entry in no list; if
 *     written                           the process lives on as another program, it comes
 *                                       back with the process's end, as blocks do
 *   2 the slab becomes unowned          in no list, and its maker is gone: over
 *   3 header->gifts is raised           the same
 *   4 the giver's entry is replaced     it is the new owner's
 *     by the gift by one CAS: given
 *   5 the slab's word says "linked"     the same; the next sweep finds it in the list and
 *                                       does this step
 *
 * The new owner may close its last handle meanwhile and go on under the guard, so that no
 * death ends what comes too late. One side stores, fences and loads what the other stores:
 *
 *   the giver, after 3                    the new owner, in its last close
 *   stores the slab's word and `gifts`    stores that it closes (row_close())
 *   fences                                fences
 *   loads whether the new owner closes:   loads the slabs' words: CASes the owner of its
 *     then nothing is given                 gifts to nobody, linked or not
 *
 * So a giver that was stopped in front of 4 links a gift whose owner closes later, or nobody,
 * which to all is as dead as the dead, for good. A giver that looked after 4 instead would
 * have to take the name back, and if it was killed in front of that, the name would stay with
 * a process that has closed.
 *
 * In a registry with partitions a gift lies in its owner's, from 4 on and for good, and who
 * looks for it, counts it or takes it out of the list finds the partition by the seat in its
 * owner word. So nobody's word keeps that seat (SEGMENT_NOBODY_AT). Another process may have
 * written anything there: any seat leads to one of the partitions.
 *
 * 2 comes before 4: if the slab were handed over after the link, a giver stopped in
 * between would leave the new owner's entry in memory that goes with the giver. 3 comes
 * before 4: else a count between the two would look for no gifts and miss this one.
 *
 * Any process can tell whether a gift is over:
 *
 *   its entry is marked                      over: the process that unregistered or
 *                                            replaced it retires the slab, or any sweep
 *   it was linked, and its owner is dead     over
 *     or nobody
 *   it is not known to be linked, and its    over if the list does not lead to it, as no
 *     maker's program is gone                process can link it any more
 *   otherwise                                in use
 *
 * A value that is too large for that slab lies in the next ones, whose words have the same
 * ticket, with V, and which become unowned in step 2 as well, after the first. Such a slab is
 * in use while the word of the slab with the entry, in front of it, has its ticket. So the
 * entry's slab is retired first, and one that is killed or stopped behind that leaves slabs
 * that are over to the next sweep.
 *
 * What is over stays over, and the slab's word has a ticket that no other gift gets. So
 * any process that has found it over, and has gone past its order in the list, may retire
 * the slab by a CAS from that word, however late. One of them succeeds.
 *
 * A program that is started under a name gets the name as a gift before it runs:
 * reserved, and linked as a new entry in step 4; when it is ready, another gift takes its
 * place.
 *
 * The owner's row does not count gifts, because two words cannot be changed at once.
 * header->gifts says whether it is worthwhile to look for any:
 *
 *   63               32 31                0
 *  +-------------------+-------------------+
 *  | gifts made so far | when none was     |   any: the halves differ
 *  |                   | left              |
 *  +-------------------+-------------------+
 *
 * It is never lowered, so no process has a duty that its death could leave undone: a
 * process that looks at all slabs and finds no gift that counts sets the lower half by
 * CAS, which fails if another gift was made meanwhile.
 */
#include "shm/gift.h"

#include <errno.h>

#include "shm/row.h"
#include "shm/query.h"

/* How often a sum may be overtaken before it fails. */
#define SUM_TRIES 256

/* The bits that all slabs of a gift have in common, at any time. */
static uint64_t ticket_of(uint64_t word)
{
	return word & ~(uint64_t)(LAND_GIFT_LINKED | LAND_GIFT_VALUE);
}

/* 0: the value is behind the key. */
static uint32_t value_slabs(uint32_t key_size, uint32_t value_size)
{
	return entry_head(key_size) + value_size <= SLAB_BYTES
		       ? 0
		       : (value_size + SLAB_BYTES - 1) / SLAB_BYTES;
}

uint32_t gift_slabs(uint32_t key_size, uint32_t value_size)
{
	return 1 + value_slabs(key_size, value_size);
}

bool gift_has_value(const struct segment *s, uint32_t slab, uint32_t count)
{
	uint64_t word = slab ? land_owner(s, slab - 1) : 0;
	uint32_t i;

	if (!land_is_gift(word))
		return false;
	for (i = 0; i < count; i++) {
		if (land_owner(s, slab + i) != (ticket_of(word) | LAND_GIFT_VALUE))
			return false;
	}
	return true;
}

/*
 * The slab with the entry of the gift that has its value in @slab, whose word was @word; or
 * @slab: that gift is over.
 */
static uint32_t entry_slab(const struct segment *s, uint32_t slab, uint64_t word)
{
	uint32_t back;

	for (back = 1; back < SLAB_GIFT_MAX && back <= slab; back++) {
		uint64_t seen = land_owner(s, slab - back);

		if (land_is_gift(seen) && ticket_of(seen) == ticket_of(word))
			return slab - back;
	}
	return slab;
}

/* Once the slab with the entry is retired: @slab and the next ones, with its value. */
static void value_retire(const struct segment *s, uint32_t slab, uint64_t word)
{
	uint32_t i, slabs = land_slabs(s);

	for (i = 1; i < SLAB_GIFT_MAX && slab + i < slabs; i++) {
		if (!land_retire_from(s, slab + i, ticket_of(word) | LAND_GIFT_VALUE))
			break;
	}
}

/* Steps 1 to 3. */
int gift_make(const struct segment *s, const struct life_table *lives, const struct life_self *self,
	      owner_t to, const struct query *q, uint32_t kind, const void *value,
	      uint32_t value_size, struct gift_made *out)
{
	uint32_t head = entry_head(q->key_size), from = 0, slab, i;
	struct entry *entry;
	place_t apart;
	int err;

	if (head + value_size > GIFT_BYTES_MAX)
		return -EMSGSIZE;
	out->slabs = gift_slabs(q->key_size, value_size);
	err = land_take(s, lives, self->owner, out->slabs, &from, &slab);
	if (err)
		return err;
	out->place = segment_slab_place(s, slab);
	apart = out->slabs > 1 ? segment_slab_place(s, slab + 1) : 0;
	entry = segment_at(s, out->place, out->slabs * SLAB_BYTES);
	if (!entry)
		return -EUCLEAN;
	/* The slab is still ours, and nothing leads to it: no other process reads it. */
	copy_in(entry->bytes, q->key, q->key_size);
	if (value_size)
		copy_in((unsigned char *)entry + (apart ? SLAB_BYTES : head), value, value_size);
	/* relaxed: private until it is linked. No mark: a mark is what says "over" */
	store_relaxed(&entry->next, 0ull);
	store_relaxed(&entry->owner, to); /* relaxed: as above */
	/* relaxed: as above */
	store_relaxed(&entry->info, /* relaxed: as above */
		      entry_info(kind | ENTRY_GIFT, apart, value_size, q->key_size));
	/*
	 * A ticket of its own, so that no CAS for an earlier gift in this slab can
	 * succeed. Without L: it is not linked yet. relaxed: only that no other gift gets
	 * the number matters
	 */
	out->word = LAND_GIFT | (fetch_add_relaxed(&s->header->tickets, 1) & (LAND_GIFT_VALUE - 1));
	/* The entry's slab is the first, or a sweep would find a value without an entry. */
	err = land_disown(s, slab, self, out->word);
	for (i = 1; i < out->slabs && !err; i++)
		err = land_disown(s, slab + i, self, out->word | LAND_GIFT_VALUE);
	if (err)
		return err;
	/*
	 * ORD[gift_make:A] acq_rel: the slab is a gift's, then that there is one, then
	 * the link. In another order a recount could see the number without the slab, and
	 * find that there is none; pairs with gift_recount:A
	 */
	fetch_add_acq_rel(&s->header->gifts, 1ull << 32);
	return 0;
}

/*
 * Fails harmlessly if a sweep was first. Retired: the gift was in no list, but perhaps in
 * the index, and a process that cleans a line there may have named it.
 */
void gift_drop(const struct segment *s, const struct gift_made *gift)
{
	uint32_t slab = segment_slab_of(s, gift->place);

	if (land_retire_from(s, slab, gift->word))
		value_retire(s, slab, gift->word);
}

/* Step 5. */
void gift_linked(const struct segment *s, const struct gift_made *gift)
{
	land_rename(s, segment_slab_of(s, gift->place), gift->word, gift->word | LAND_GIFT_LINKED);
}

/* A gift begins its slab. */
place_t gift_in(const struct segment *s, uint32_t slab)
{
	return land_is_gift(land_owner(s, slab)) ? segment_slab_place(s, slab) : 0;
}

owner_t gift_owner(const struct segment *s, uint32_t slab)
{
	uint64_t word = land_owner(s, slab);
	uint32_t of = land_is_of_gift(word) && (word & LAND_GIFT_VALUE) ? entry_slab(s, slab, word)
									: slab;
	place_t place = gift_in(s, of);
	const struct entry *entry = place ? segment_at(s, place, SLAB_BYTES) : NULL;

	if (!entry || table_load(&entry->next) & REF_MARK)
		return 0;
	/* relaxed: constant while it is a gift */
	return load_relaxed(&entry->owner);
}

/*
 * The query for the gift's key in the partition of @owner, its owner word, in which its
 * owner may have closed. The key is copied to @key, which has room for 256 bytes. If the slab
 * is reused meanwhile the copy is arbitrary, and so is @owner; then the search finds nothing
 * at this place, or the CAS from the slab's word fails.
 */
static struct query gift_query(const struct segment *s, const struct entry *entry, uint64_t owner,
			       unsigned char *key)
{
	/* relaxed: checked later, as said */
	uint32_t key_size = entry_key_size(load_relaxed(&entry->info));

	copy_out(key, entry->bytes, key_size);
	return table_query_of(s, owner, key, key_size);
}

/*
 * 0: the list leads to it, also if it is reserved, and its owner is alive. -ENOENT;
 * -EUCLEAN: damage; -ENOMEM: out of this process's reach. Through the list, because the
 * entry alone cannot say whether it was linked.
 */
static int gift_find(const struct segment *s, const struct life_table *lives, place_t place,
		     struct found *out)
{
	const struct entry *entry = segment_at(s, place, SLAB_BYTES);
	unsigned char key[256];
	struct query q;
	uint64_t owner;

	if (!entry)
		return segment_fault(s);
	owner = load_relaxed(&entry->owner); /* relaxed: checked through the list */
	q = gift_query(s, entry, owner, key);
	q.kinds = KINDS_OF_NAMES;
	q.owner = owner;
	return owner ? table_find_at(s, lives, &q, place, out) : -ENOENT;
}

/*
 * Whether it is unregistered, or its owner dead: it does not count any more, if it ever
 * did.
 */
static bool gift_is_ended(const struct life_table *lives, const struct entry *entry)
{
	return table_load(&entry->next) & REF_MARK ||
	       /* relaxed: as its next */
	       !life_is_alive(lives, load_relaxed(&entry->owner));
}

/*
 * Whether no process can link it, or find it in the list as a living owner's. @word is
 * the slab's, loaded before @entry was read. Needs the write section.
 */
static bool gift_is_over(const struct writer *w, uint32_t slab, uint64_t word,
			 const struct entry *entry)
{
	struct found gift;
	int err;

	/*
	 * Only what was linked has a mark. Not known to be linked and not marked: if the
	 * maker's program may still link it, the death of the new owner does not make it
	 * over.
	 */
	if (word & LAND_GIFT_LINKED || table_load(&entry->next) & REF_MARK)
		return gift_is_ended(w->lives, entry);
	if (land_maker_is_alive(w->s, w->lives, slab))
		return false;
	/* What was found is acted upon, so it is checked like any step of a writer. */
	do {
		err = gift_find(w->s, w->lives, segment_slab_place(w->s, slab), &gift);
	} while (grace_again(w));
	/*
	 * Step 5, for a maker that did not come to it: the next sweep is spared the
	 * search.
	 */
	if (!err)
		land_rename(w->s, slab, word, word | LAND_GIFT_LINKED);
	return err == -ENOENT;
}

/*
 * The order: word, then whether it is over, then out of the list, then the CAS from that
 * word. If the slab has been reused in between, the CAS fails. Killed in between: the
 * next sweep does it again.
 */
bool gift_sweep(const struct writer *w, uint32_t slab)
{
	uint64_t word = land_owner(w->s, slab);
	place_t place = segment_slab_place(w->s, slab);
	const struct entry *entry = segment_at(w->s, place, SLAB_BYTES);
	unsigned char key[256];
	struct query q;

	if (land_is_of_gift(word) && (word & LAND_GIFT_VALUE))
		return entry_slab(w->s, slab, word) == slab && land_retire_from(w->s, slab, word);
	if (!land_is_gift(word) || !entry)
		return false;
	/* By its place the index is cleared, so it must not be another entry's by then. */
	while (!grace_protect(w, HAZARD_OWN, place))
		;
	if (land_owner(w->s, slab) != word || !gift_is_over(w, slab, word, entry))
		return false;
	/* relaxed: the seat in it is the same before and after the owner has closed */
	q = gift_query(w->s, entry, load_relaxed(&entry->owner), key);
	/*
	 * -EUCLEAN leaves the slab as it is: damage may keep the entry in the list, and
	 * its memory must not be reused then.
	 */
	if (table_purge(w, &q, place) || !land_retire_from(w->s, slab, word))
		return false;
	value_retire(w->s, slab, word);
	return true;
}

/*
 * The owner of the gift in @slab becomes nobody, in the same seat. Named by a hazard from before its slab was seen to
 * be a gift's, the block is still the entry; and what a hostile process has stored there stays.
 */
static void refuse(const struct writer *w, uint32_t slab)
{
	place_t place = segment_slab_place(w->s, slab);
	struct entry *entry = segment_at(w->s, place, SLAB_BYTES);
	uint64_t seen = w->self;

	while (!grace_protect(w, HAZARD_OWN, place))
		;
	/* relaxed: its maker, which is the only one to use it, compares nothing with it */
	if (entry && gift_in(w->s, slab) == place)
		cas_relaxed(&entry->owner, &seen, SEGMENT_NOBODY_AT(w->self));
}

void gift_refuse_all(const struct writer *w)
{
	uint32_t slab, slabs = gift_is_any(w->s) ? land_slabs(w->s) : 0;

	for (slab = 0; slab < slabs; slab++) {
		if (gift_owner(w->s, slab) != w->self)
			continue;
		refuse(w, slab);
		gift_sweep(w, slab);
	}
}

/* Sets the lower half only after a complete look. */
void gift_recount(const struct segment *s, const struct life_table *lives)
{
	uint32_t slab, slabs;
	uint64_t seen;

	/* Slabs out of reach may hold gifts. */
	if (!gift_is_any(s) || !segment_is_whole(s))
		return;
	/*
	 * ORD[gift_recount:A] acquire: how many were made, then the slabs' words; pairs
	 * with gift_make:A
	 */
	seen = load_acquire(&s->header->gifts);
	slabs = land_slabs(s);
	for (slab = 0; slab < slabs; slab++) {
		place_t place = gift_in(s, slab);
		const struct entry *entry = place ? segment_at(s, place, SLAB_BYTES) : NULL;

		/* A gift not yet linked, whose owner lives, counts as one too. */
		if (entry && !gift_is_ended(lives, entry))
			return;
	}
	/* relaxed: fails if one was made after the look began */
	cas_relaxed(&s->header->gifts, &seen, (seen & ~0xffffffffull) | seen >> 32);
}

/*
 * One pass over all slabs, under the caller's peek. Names only, as rows count reserved
 * ones elsewhere; and of owners that have opened this registry, whatever the entry says.
 */
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

/*
 * Slabs may be taken and reused during the pass, so it counts only if its peek has held.
 */
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
