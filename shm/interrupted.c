/* SPDX-License-Identifier: MIT */
/*
 * Under the guard a process keeps its names over exec. A call that changes the table does so by one CAS, and
 * counts and rings afterwards; exec by a signal handler or by another thread may come between. The slot of
 * that thread is then one of an earlier program of a living process, and its writing is not 0: the mark that
 * something is left to be done. What that is need not be known: the names of the process do not change until
 * its new program opens the registry, so a walk of the table says how many there are, and all bells are rung.
 *
 *   step of a recovery                               killed here
 *   1 CAS the row's doubt to {image, open}           counts are made by a walk; the slot is still there
 *   2 walk; CAS it to {image, settled, difference}   counts are right; bells are rung by the next
 *   3 count a move, ring all bells                   the next does so once more
 *   4 CAS the slot free                              done
 *
 *   doubt                          becomes, by
 *   0, or of an earlier image      {image, open}, by any process that finds the slot
 *   {image, open}                  {image, settled, difference}, by the first that has walked
 *
 * Several processes may recover one slot at once, and one that was stopped in step 2 may come late. Its
 * result must not count once the new program has changed something: that program recovers its own process
 * before, so the late CAS finds another doubt. For the same reason the slot is looked at once more between the
 * load of the doubt and the CAS that opens one: a slot is freed only after its doubt was settled. The images of
 * a process only go up, so no doubt comes back.
 *
 * The difference stays in the doubt, beside the count that the owner goes on with, because two words cannot
 * be changed at once. Whether there are reserved names is asked seldom, so for the rest of such a life a walk
 * answers that.
 *
 * Before step 1 a count finds the slot itself. It looks at slots only for an owner whose program has not
 * opened the row, which is one comparison.
 */
#include "shm/interrupted.h"

#include <errno.h>

#include "shm/bell.h"
#include "shm/table.h"

/* So many entries are walked by under one peek, which is tried so often. */
#define WALK_ENTRIES 256u
#define WALK_TRIES 256

/* Entries of one owner, but for gifts. */
struct tally {
	uint64_t names;
	uint64_t held;
};

static bool doubt_cas(struct row *row, uint64_t *seen, uint64_t next)
{
	/*
	 * ORD[doubt_cas:A] acq_rel: the walk, then what it gave; pairs with row_doubt:A, open_doubt:A
	 */
	return cas_acq_rel(&row->doubt, seen, next); /* happens here */
}

static void tally_add(struct tally *tally, const struct found *found, owner_t owner)
{
	if (found->owner != owner || entry_is_gift(found->info))
		return;
	tally->names += entry_kind(found->info) == ENTRY_NAME;
	tally->held += entry_kind(found->info) == ENTRY_RESERVED;
}

/* Whole orders from *from on, under one peek; *from is where the next begin. 1: that was the last. */
static int tally_some(const struct segment *s, const struct life_table *lives, owner_t owner,
		      order_t *from, struct tally *tally)
{
	uint64_t epoch = grace_peek(s);
	order_t order, last = *from;
	struct tally some = { 0 };
	struct table_walk walk;
	struct found found;
	uint32_t passed = 0;
	int err;

	table_first(s, *from, ORDER_LAST, &walk);
	while (!(err = table_next(s, lives, &walk, &found, &order))) {
		if (order_is_before(order, *from))
			continue;
		if (passed++ >= WALK_ENTRIES && order != last)
			break;
		last = order;
		tally_add(&some, &found, owner);
	}
	if (!grace_peek_held(s, epoch))
		return -EAGAIN;
	if (err && err != -ENOENT)
		return err;
	tally->names += some.names;
	tally->held += some.held;
	if (!err)
		*from = order;
	return err == -ENOENT;
}

/* False: the list is damaged, or changes too fast to be walked. */
static bool tally_walk(const struct segment *s, const struct life_table *lives, owner_t owner,
		       struct tally *out)
{
	order_t from = 0;
	int got = 0, tries = 0;

	*out = (struct tally){ 0 };
	while (!got || (got == -EAGAIN && tries < WALK_TRIES)) {
		got = tally_some(s, lives, owner, &from, out);
		tries = got ? tries + 1 : 0;
	}
	return got == 1;
}

/* False: the slot is not that of @word any more, so its doubt is settled. */
static bool open_doubt(const struct segment *s, const struct slot *slot, uint64_t word)
{
	struct row *row = &s->rows[owner_seat(word)];
	uint64_t tag = doubt_tag(word), seen;

	/*
	 * ORD[open_doubt:A] acquire: the doubt, then the slot; pairs with doubt_cas:A
	 */
	seen = load_acquire(&row->doubt);
	do {
		if ((seen & DOUBT_TAG) == tag && (seen & (DOUBT_OPEN | DOUBT_SETTLED)))
			return true;
		/* relaxed: behind the doubt, which was settled before the slot was freed */
		if (load_relaxed(&slot->owner) != word)
			return false;
	} while (!doubt_cas(row, &seen, tag | DOUBT_OPEN));
	return true;
}

static bool settle_doubt(const struct segment *s, const struct life_table *lives, owner_t owner)
{
	struct row *row = &s->rows[owner_seat(owner)];
	uint64_t seen = row_doubt(s, owner);
	struct tally tally;
	uint32_t entries;

	if (!(seen & DOUBT_OPEN))
		return true;
	entries = (uint32_t)load_relaxed(&row->entries); /* relaxed: it does not change in doubt */
	if (!tally_walk(s, lives, owner, &tally))
		return false;
	doubt_cas(row, &seen,
		  (seen & DOUBT_TAG) | DOUBT_SETTLED | ((uint32_t)tally.names - entries));
	return true;
}

static void recover(const struct segment *s, const struct life_table *lives, struct slot *slot)
{
	owner_t owner;
	uint64_t word;

	if (!grace_slot_is_interrupted(lives, slot, &word) || owner_seat(word) >= s->seats)
		return;
	owner = owner_without_image(word);
	if (!open_doubt(s, slot, word) || !settle_doubt(s, lives, owner))
		return;
	row_move(s, owner);
	bell_ring_all(s);
	grace_slot_free(slot, word);
}

static uint32_t slots_end(const struct segment *s)
{
	/* relaxed: it only grows, and the slot of a program that is gone was in it */
	uint64_t high = load_relaxed(&s->header->slots_high);

	return high < s->slots_count ? (uint32_t)high : s->slots_count;
}

void interrupted_some(const struct segment *s, const struct life_table *lives, uint32_t *from,
		      uint32_t count)
{
	uint32_t end = slots_end(s);

	for (; lives->facts && count && end; count--) {
		if (*from >= end)
			*from = 0;
		recover(s, lives, &s->slots[(*from)++]);
	}
}

void interrupted_all(const struct segment *s, const struct life_table *lives)
{
	uint32_t from = 0;

	interrupted_some(s, lives, &from, slots_end(s));
}

void interrupted_own(const struct segment *s, const struct life_table *lives,
		     const struct life_self *self)
{
	uint64_t own = owner_with_image(self->owner, self->image);
	uint32_t i, end = slots_end(s);

	if (!lives->facts)
		return;
	for (i = 0; i < end; i++) {
		/* relaxed: the slots of our earlier programs change no more */
		uint64_t word = load_relaxed(&s->slots[i].owner);

		if (!word || word == own || owner_without_image(word) != self->owner)
			continue;
		recover(s, lives, &s->slots[i]);
		/* Where no call was interrupted, the slot has been of no use since the exec. */
		if (!load_relaxed(&s->slots[i].writing)) /* relaxed: as above */
			grace_slot_free(&s->slots[i], word);
	}
	/*
	 * ORD[interrupted_own:A] release: all is settled, then the image that says so; pairs with
	 * is_in_doubt:A
	 */
	store_release(&s->rows[owner_seat(self->owner)].image, image_fold(self->image));
}

/* Whether the count in @owner's row may be wrong. */
static bool is_in_doubt(const struct segment *s, const struct life_table *lives, owner_t owner)
{
	uint32_t seat = owner_seat(owner), i, end, image;
	uint64_t word;

	if (!lives->facts)
		return false;
	/*
	 * ORD[is_in_doubt:A] acquire: the image, then the doubt; pairs with interrupted_own:A
	 */
	image = load_acquire(&s->rows[seat].image);
	/* relaxed: an exec that is not seen yet comes after the count */
	if (caa_unlikely(image != image_fold(load_relaxed(&lives->facts[seat].image)))) {
		for (i = 0, end = slots_end(s); i < end; i++) {
			if (grace_slot_is_interrupted(lives, &s->slots[i], &word) &&
			    owner_without_image(word) == owner)
				return true;
		}
	}
	/* A slot that was freed meanwhile has left a doubt. */
	return row_doubt(s, owner) & DOUBT_OPEN;
}

owner_t interrupted_owner(const struct segment *s, const struct life_table *lives, uint32_t seat,
			  uint32_t *entries)
{
	owner_t owner = row_owner(s, lives, seat, entries);
	struct tally tally;

	if (owner && caa_unlikely(is_in_doubt(s, lives, owner))) {
		/* In doubt before and after, its names have not changed meanwhile. */
		if (tally_walk(s, lives, owner, &tally) && is_in_doubt(s, lives, owner))
			*entries = (uint32_t)tally.names;
		else
			owner = row_owner(s, lives, seat, entries);
	}
	return owner;
}

uint64_t interrupted_sum(const struct segment *s, const struct life_table *lives, uint32_t *owners)
{
	uint32_t seat, end = row_end(s), entries;
	uint64_t sum = 0;

	if (owners)
		*owners = 0;
	for (seat = 0; seat < end; seat++) {
		if (!interrupted_owner(s, lives, seat, &entries))
			continue;
		sum += entries;
		if (owners)
			(*owners)++;
	}
	return sum;
}

bool interrupted_is_in_use(const struct segment *s, const struct life_table *lives, uint32_t seat)
{
	const struct row *row = &s->rows[seat];
	/*
	 * ORD[interrupted_is_in_use:A] acquire: what is held, then the names, and gifts after that: a reservation
	 * becomes a name, and a name a gift, and each is counted before it is not any more what it was;
	 * pairs with row_count:A
	 */
	uint64_t held = load_acquire(&row->held), entries = load_acquire(&row->entries);
	owner_t owner = owner_of(entries, seat);
	struct tally tally;

	if (row_locks(s, lives, owner))
		return true;
	if (!row_doubt(s, owner) && !(lives && is_in_doubt(s, lives, owner)))
		return (uint32_t)entries || (uint32_t)held;
	return !lives || !tally_walk(s, lives, owner, &tally) || tally.names || tally.held;
}
