/* SPDX-License-Identifier: MIT */
/*
 * Recovery of what exec has interrupted.
 *
 * Under the guard a process keeps its names over exec. A call that changes the table does
 * so by one CAS, and counts and rings afterwards; exec by a signal handler or by another
 * thread may come in between. The slot of that thread is then one of an earlier program
 * of a living process, and its writing is not 0: the sign that something is left to be
 * done. It need not be known what: the names of the process do not change until its new
 * program opens the registry, so a walk of the table says how many there are, and all
 * bells are rung.
 *
 *   step of a recovery                               killed here
 *   1 CAS the row's doubt to {image, open}           counts are made by a walk; the slot
 *                                                    is still there
 *   2 walk; CAS it to {image, settled, difference}   counts are right; bells are rung by
 *                                                    the next recovery
 *   3 count a move, ring all bells                   the next does so once more
 *   4 CAS the slot free                              done
 *
 * The slot goes last, because it is what the next recovery is found by; were it freed
 * before step 2, a count would be wrong with nothing to say so.
 *
 *   doubt                becomes, by
 *   0, or of an earlier  {image, open}, by any process that finds the slot
 *     image
 *   {image, open}        {image, settled, difference}, by the first that has walked;
 *                        {image, kept}, by the next program of the process, if it cannot walk
 *   {image, kept}        as {image, open}, but by the process itself alone, at an open
 *
 * A walk is right only while the process changes nothing, hence before the new program's
 * first change. If that program cannot walk the table (-ENOMEM: it leads beyond its
 * windows, or the memory is damaged), it keeps the doubt: it frees its slots, after the
 * doubt, and changes the table from then on. Counts go on walking, and no other process
 * settles a kept doubt, because its result could be off by a change during its walk, for
 * the rest of the life. The process tries again when it next opens the registry without
 * another handle to it: after exec, or after its last close.
 *
 * Several processes may recover one slot at once, and one that was stopped in step 2 may
 * come late. Its result must not count once the new program has changed something: that
 * program recovers its own process first, or keeps the doubt, so the late CAS finds
 * another one. For the
 * same reason the slot is read once more between the load of the doubt and the CAS that
 * opens one: a slot is freed only after its doubt was settled. The images of a process
 * only grow, so no doubt comes back.
 *
 * The difference stays in the doubt, beside the count that the owner continues with,
 * because two words cannot be changed at once. Whether there are reserved names is asked
 * seldom, so for the rest of such a life a walk answers that.
 *
 * Before step 1 a count finds the slot itself. It looks at slots only for an owner whose
 * program has not opened the row, which costs others one comparison.
 */
#include "shm/interrupted.h"

#include <errno.h>

#include "shm/bell.h"
#include "shm/table.h"

/*
 * A walk of the whole table under one peek would never hold while others change it, so it
 * is made of parts: this many entries a peek, each part tried this often.
 */
#define WALK_ENTRIES 256u
#define WALK_TRIES 256

/* The entries of one owner, except gifts, which rows do not count. */
struct tally {
	uint64_t names;
	uint64_t held;
};

static bool doubt_cas(struct row *row, uint64_t *seen, uint64_t next)
{
	/*
	 * ORD[doubt_cas:A] acq_rel: the walk, then its result; pairs with row_doubt:A,
	 * open_doubt:A
	 */
	return cas_acq_rel(&row->doubt, seen, next);
}

static void tally_add(struct tally *tally, const struct found *found, owner_t owner)
{
	if (found->owner != owner || entry_is_gift(found->info))
		return;
	tally->names += entry_kind(found->info) == ENTRY_NAME;
	tally->held += entry_kind(found->info) == ENTRY_RESERVED;
}

/*
 * Counts whole orders from *from on under one peek. 0: *from is where the next part
 * begins, and *tally has grown; 1: that was the last part; -EAGAIN: the peek was
 * overtaken, nothing was counted; -EUCLEAN. A part ends between two orders and never
 * inside one: an order of which a part was counted could change before the rest is.
 */
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
		/* table_first() starts at a bucket, which may lie before *from. */
		if (order_is_before(order, *from))
			continue;
		if (passed++ >= WALK_ENTRIES && order != last)
			break;
		last = order;
		tally_add(&some, &found, owner);
	}
	/* Before any result is used, an error included: it may be of reused memory. */
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

/*
 * Counts all of @owner's entries. False: the list is damaged, or changes too fast. Right
 * only while @owner changes nothing, as the parts are of different moments.
 */
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

/*
 * Step 1. True: the doubt for @word's image is open or settled. False: the slot is no
 * longer that of @word, so another recovery has settled it already; opening it again
 * would make a late walk count what the new program has done. Or the doubt is kept, and
 * this is not its process (@is_own).
 */
static bool open_doubt(const struct segment *s, const struct slot *slot, uint64_t word, bool is_own)
{
	struct row *row = &s->rows[owner_seat(word)];
	uint64_t tag = doubt_tag(word), seen;

	/* ORD[open_doubt:A] acquire: the doubt, then the slot; pairs with doubt_cas:A */
	seen = load_acquire(&row->doubt);
	do {
		if (doubt_is_kept(seen) && !is_own)
			return false;
		if ((seen & DOUBT_TAG) == tag && (seen & (DOUBT_OPEN | DOUBT_SETTLED)))
			return true;
		/*
		 * relaxed: behind the doubt, which was settled before the slot was freed
		 */
		if (load_relaxed(&slot->owner) != word)
			return false;
	} while (!doubt_cas(row, &seen, tag | DOUBT_OPEN));
	return true;
}

/*
 * Step 2. True: the doubt is settled, by this call or another. False: the walk failed, or
 * the doubt is kept and this is not its process; it stays open, and counts go on walking.
 */
static bool settle_doubt(const struct segment *s, const struct life_table *lives, owner_t owner,
			 bool is_own)
{
	struct row *row = &s->rows[owner_seat(owner)];
	uint64_t seen = row_doubt(s, owner);
	struct tally tally;
	uint32_t entries;

	if (!(seen & DOUBT_OPEN))
		return true;
	if (doubt_is_kept(seen) && !is_own)
		return false;
	/* relaxed: it does not change while the doubt is open, and not kept by another */
	entries = (uint32_t)load_relaxed(&row->entries);
	if (!tally_walk(s, lives, owner, &tally))
		return false;
	/*
	 * Fails if another recovery was first, whose result is the same; or there is a
	 * later doubt, or the process keeps this one.
	 */
	return doubt_cas(row, &seen,
			 (seen & DOUBT_TAG) | DOUBT_SETTLED | ((uint32_t)tally.names - entries)) ||
	       !(seen & DOUBT_OPEN);
}

/*
 * All steps for @slot, if exec has interrupted its call. @is_own: it is this process's. A
 * word of a seat without a row is damage and left alone.
 */
static void recover(const struct segment *s, const struct life_table *lives, struct slot *slot,
		    bool is_own)
{
	owner_t owner;
	uint64_t word;

	if (!grace_slot_is_interrupted(lives, slot, &word) || owner_seat(word) >= segment_rows(s))
		return;
	owner = owner_without_image(word);
	if (!open_doubt(s, slot, word, is_own) || !settle_doubt(s, lives, owner, is_own))
		return;
	/*
	 * The interrupted call may have moved an entry: a visitor of this owner must look
	 * again.
	 */
	row_move(s, owner);
	bell_ring_all(s);
	grace_slot_free(slot, word);
}

void interrupted_some(const struct segment *s, const struct life_table *lives, uint32_t *from,
		      uint32_t count)
{
	uint32_t end = segment_slots(s);

	/*
	 * In the fallback (no facts) exec ends the life, so nothing is ever interrupted.
	 */
	for (; lives->facts && count && end; count--) {
		if (*from >= end)
			*from = 0;
		recover(s, lives, &s->slots[(*from)++], false);
	}
}

void interrupted_all(const struct segment *s, const struct life_table *lives)
{
	uint32_t from = 0;

	interrupted_some(s, lives, &from, segment_slots(s));
}

/*
 * Recovers the slots of this process's earlier programs, and frees those that no call has
 * left open, or all (@is_kept): the doubt is kept, so no slot has to say that something is
 * left to be done.
 */
static void own_slots(const struct segment *s, const struct life_table *lives,
		      const struct life_self *self, bool is_kept)
{
	uint64_t own = owner_with_image(self->owner, self->image);
	uint32_t i, end = segment_slots(s);

	for (i = 0; i < end; i++) {
		/* relaxed: the slots of our earlier programs no longer change */
		uint64_t word = load_relaxed(&s->slots[i].owner);

		if (!word || word == own || owner_without_image(word) != self->owner)
			continue;
		if (!is_kept)
			recover(s, lives, &s->slots[i], true);
		/*
		 * Where no call was interrupted, the slot has been of no use since the
		 * exec. relaxed: as above
		 */
		if (is_kept || !load_relaxed(&s->slots[i].writing))
			grace_slot_free(&s->slots[i], word);
	}
}

/* An open doubt becomes a kept one. False: it is not open. */
static bool keep_doubt(const struct segment *s, owner_t owner)
{
	uint64_t seen = row_doubt(s, owner);

	while ((seen & DOUBT_OPEN) && !doubt_is_kept(seen)) {
		if (doubt_cas(&s->rows[owner_seat(owner)], &seen, seen | DOUBT_KEPT))
			return true;
	}
	return seen & DOUBT_OPEN;
}

void interrupted_own(const struct segment *s, const struct life_table *lives,
		     const struct life_self *self)
{
	if (!lives->facts)
		return;
	own_slots(s, lives, self, false);
	/* One that was kept, or whose slots could not be recovered. */
	if (!settle_doubt(s, lives, self->owner, true) && keep_doubt(s, self->owner)) {
		row_move(s, self->owner);
		bell_ring_all(s);
		own_slots(s, lives, self, true);
	}
	/*
	 * ORD[interrupted_own:A] release: all is settled, then the image that says so.
	 * Before that, a count would trust the row while a slot is still to be recovered;
	 * pairs with is_in_doubt:A
	 */
	store_release(&s->rows[owner_seat(self->owner)].image, (uint16_t)image_fold(self->image));
}

/*
 * Whether the count in @owner's row may be wrong: an interrupted slot is not recovered
 * yet, or its doubt is open. Slots are read before the doubt: a slot that is freed in
 * between has left its doubt behind.
 */
static bool is_in_doubt(const struct segment *s, const struct life_table *lives, owner_t owner)
{
	uint32_t seat = owner_seat(owner), i, end, image;
	uint64_t word;

	if (!lives->facts)
		return false;
	/*
	 * ORD[is_in_doubt:A] acquire: the image, then the doubt; pairs with
	 * interrupted_own:A
	 */
	image = load_acquire(&s->rows[seat].image);
	/* relaxed: an exec that is not visible yet comes after this count */
	if (caa_unlikely(image != image_fold(load_relaxed(&lives->facts[seat].image)))) {
		for (i = 0, end = segment_slots(s); i < end; i++) {
			if (grace_slot_is_interrupted(lives, &s->slots[i], &word) &&
			    owner_without_image(word) == owner)
				return true;
		}
	}
	return row_doubt(s, owner) & DOUBT_OPEN;
}

/* As interrupted_owner(); *doubts is raised if the row does not say how many there are. */
static owner_t look_owner(const struct segment *s, const struct life_table *lives, uint32_t seat,
			  uint32_t *entries, uint32_t *doubts)
{
	owner_t owner = row_owner(s, lives, seat, entries);
	struct tally tally;

	if (owner && caa_unlikely(is_in_doubt(s, lives, owner))) {
		(*doubts)++;
		/*
		 * In doubt before and after the walk, its names have not changed
		 * meanwhile, or the doubt is kept and only changes during the walk are
		 * uncertain. If the doubt has ended, the row's count is right by now.
		 */
		if (tally_walk(s, lives, owner, &tally) && is_in_doubt(s, lives, owner))
			*entries = (uint32_t)tally.names;
		else
			owner = row_owner(s, lives, seat, entries);
	}
	return owner;
}

owner_t interrupted_owner(const struct segment *s, const struct life_table *lives, uint32_t seat,
			  uint32_t *entries)
{
	uint32_t doubts = 0;

	return look_owner(s, lives, seat, entries, &doubts);
}

uint64_t interrupted_sum(const struct segment *s, const struct life_table *lives, uint32_t *owners,
			 uint32_t *doubts)
{
	uint32_t seat, end = row_end(s), entries, alive = 0, doubtful = 0;
	uint64_t sum = 0;

	for (seat = 0; seat < end; seat++) {
		/* Of a life that is over at this moment the row is not read. */
		if (life_is_over(lives, seat) || !look_owner(s, lives, seat, &entries, &doubtful))
			continue;
		sum += entries;
		alive++;
	}
	if (owners)
		*owners = alive;
	if (doubts)
		*doubts = doubtful;
	return sum;
}

bool interrupted_is_in_use(const struct segment *s, const struct life_table *lives, uint32_t seat)
{
	const struct row *row = &s->rows[seat];
	/*
	 * ORD[interrupted_is_in_use:A] acquire: what is held, then the names, and gifts
	 * after that. A reservation becomes a name, and a name a gift, and each is
	 * counted as the new thing before it no longer is the old one; in the other order
	 * of loads it could be missed in both; pairs with row_count:A
	 */
	uint64_t held = load_acquire(&row->held), entries = load_acquire(&row->entries);
	owner_t owner = owner_of(entries, seat);
	struct tally tally;

	if (row_locks(s, lives, owner))
		return true;
	/*
	 * A row that was never in doubt says all. One with a settled doubt does not say
	 * how many names are held, so the table is walked.
	 */
	if (!row_doubt(s, owner) && !(lives && is_in_doubt(s, lives, owner)))
		return (uint32_t)entries || (uint32_t)held;
	return !lives || !tally_walk(s, lives, owner, &tally) || tally.names || tally.held;
}
