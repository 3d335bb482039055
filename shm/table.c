/* SPDX-License-Identifier: MIT */
/*
 * The walk over all, the search that has the last word, and why searches are right.
 *
 * One list holds all entries and buckets, sorted by order (place.h). A bucket is a link in an array;
 * a search starts at the link of its bucket and goes on while the order is not above its own. A
 * bucket that is not linked yet stands for nothing: its parent, the same number without the
 * highest bit, is earlier in the list. So a search reads the bucket's line and the entry's.
 *
 *   state of an entry   its link       its owner   counts as   left by a death
 *   private             any            self        absent      as it is; the slab is the dead's
 *   linked              no mark        alive       present     absent at once: nothing to do
 *   unregistered        mark           any         absent      whoever comes by unlinks it
 *   dead                no mark        over        absent      whoever writes nearby marks it
 *   unlinked            mark           any         absent      back after a grace period
 *
 * A link is read with acquire and written by CAS, through table_load() and table_cas() alone.
 *
 * Searches are linearizable: a name that is never free is found, and what is found held the name at some
 * moment of the search. A change is one of three, as seen from a search that stands in the list:
 *
 *   ahead     link at the end of an order; replace and give, which put an entry behind the one that they
 *             mark. Whatever is ahead, the search comes to, if it loads the link of an entry that does
 *             not count once more *after* it was seen not to: what came behind that while it counted is
 *             there then.
 *   nothing   unregister, death, clearing away: nobody gets a name by them but an entry ahead.
 *   in front  of the first living entry of the key: REPLACE, and a duplicate key. A search that has loaded the
 *             link in front of the old holder before, and finds the holder dead after, has missed it.
 *
 * So a search that has seen an entry X of its key not count has to know that nothing came in front since it
 * loaded the link L that led to X. It looks at L again at the end, and begins anew if L has changed: every
 * CAS that puts an entry in front of X is one of L, and so is every one that clears X away. (Where X was
 * reached over entries with a mark, whose links no CAS changes, L is the link in front of these.)
 *
 * That L holds X at both looks is enough, because of one rule: a CAS that clears entries away in front of X
 * and leads L to X again is made by a writer that has seen X alive *after* they were marked; a dead X is
 * cleared away by the same CAS (step_over_entry()). So when X died, nothing living was in front of
 * it, nothing came in front until the second look, and all that could hold the name was ahead.
 * A writer that goes to link in front of an entry that has died meanwhile is in this as well.
 *
 * A counter would not do in place of L: a taker-over that is stopped between raising it and its CAS is
 * told by no count. Only who has missed something pays: a search that finds the first entry of its key
 * alive, or none, looks at nothing twice. It begins anew only if somebody else has got on.
 *
 * On weakly ordered processors: each load of a link or a life is an acquire, so the second look at L comes
 * after the look at the life; a taker-over's CAS that happened before the death of the holder is seen by
 * whoever has seen the death.
 *
 * A peek may be overtaken: a block that it stands in is used for something else. So each place is
 * checked against what is reserved, an order that goes down ends the search, and so does a number
 * of hops that no list can have; the answer is thrown away when the epoch is looked at again.
 */
#include "shm/table.h"

#include <errno.h>

#include "shm/query.h"

/* Searches that begin again because a name has got another owner meanwhile. */
#define FIND_TRIES 256

/* Goes on to where @link leads, which held @seen; @to is the same without a claim. */
static void walk_to(struct table_walk *walk, const uint64_t *link, ref_t seen, ref_t to)
{
	/* A link with a mark is that of an entry that may have left the list: nobody CASes it. */
	if (!(seen & REF_MARK))
		walk->front = (struct table_guard){ link, seen };
	walk->at = to & ~REF_MARK;
}

static int walk_into_bucket(const struct segment *s, struct table_walk *walk)
{
	const uint64_t *link = table_bucket_link(s, walk->at);
	ref_t seen, to;
	int err = 0;

	if (!link)
		return -EUCLEAN;
	seen = to = table_load(link);
	if (seen & REF_CLAIM)
		err = table_unclaim(s, seen, &to);
	walk_to(walk, link, seen, to);
	return err;
}

/* The entry that the walk has come to, live or not. */
static int walk_entry(const struct segment *s, struct table_walk *walk, struct entry **out)
{
	while (!walk->lost && !table_is_lost(s, walk->hops)) {
		order_t order = ref_order(walk->at);

		if (ref_is_end(walk->at) || order_is_before(walk->until, order))
			return -ENOENT;
		if (order_is_before(order, walk->last) || walk->at == walk->before)
			break;
		walk->last = order;
		/* A circle leads back to one of these, however long it is. */
		if (!(walk->hops & (walk->hops + 1)))
			walk->before = walk->at;
		walk->hops++;
		if (order_is_entry(order)) {
			*out = segment_entry(s, ref_place(walk->at));
			return *out ? 0 : segment_fault(s);
		}
		if (walk_into_bucket(s, walk))
			break;
	}
	walk->lost = true;
	return segment_fault(s);
}

/* Over @entry, which is not live: its link is loaded once more, as it is after its end. */
static void walk_over(struct table_walk *walk, const struct entry *entry, uint32_t guards)
{
	ref_t next = table_load(&entry->next);

	if (walk->guarded < guards)
		walk->guards[walk->guarded++] = walk->front;
	walk_to(walk, &entry->next, next, next);
}

bool table_held(const struct table_walk *walk)
{
	uint32_t i;

	/* Each load of the walk was one with acquire, so these come after them. */
	for (i = 0; i < walk->guarded; i++) {
		if (table_load(walk->guards[i].link) != walk->guards[i].seen)
			return false;
	}
	return true;
}

static void walk_begin(const struct segment *s, uint32_t hash, order_t until,
		       struct table_walk *walk)
{
	uint64_t *bucket = NULL;

	*walk = (struct table_walk){ .until = until };
	walk->lost = !table_bucket(s, hash, &bucket, &walk->at);
	walk->front = (struct table_guard){ bucket, walk->at };
}

void table_first(const struct segment *s, order_t from, order_t until, struct table_walk *walk)
{
	walk_begin(s, order_hash(from), until, walk);
}

int table_next(const struct segment *s, const struct life_table *lives, struct table_walk *walk,
	       struct found *out, order_t *order)
{
	order_t last = walk->last;
	struct entry *entry;
	int err;

	while (!(err = walk_entry(s, walk, &entry))) {
		ref_t at = walk->at, next = table_load(&entry->next);

		*order = ref_order(at);
		if (walk->guarded && *order != last) {
			if (!table_held(walk))
				return -EAGAIN;
			walk->guarded = 0;
		}
		last = *order;
		if (!entry_is_live(lives, entry, next, out)) {
			walk_over(walk, entry, WALK_GUARDS);
			continue;
		}
		out->info = load_relaxed(&entry->info); /* relaxed: behind the link */
		out->place = ref_place(at);
		walk_to(walk, &entry->next, next, next);
		return 0;
	}
	return err == -ENOENT && !table_held(walk) ? -EAGAIN : err;
}

void table_line(const struct segment *s, const struct query *q, struct table_walk *walk)
{
	walk_begin(s, q->hash, q->order, walk);
}

int table_line_next(const struct segment *s, const struct life_table *lives, const struct query *q,
		    struct table_walk *walk, struct found *out)
{
	struct entry *entry;
	int err;

	while (!(err = walk_entry(s, walk, &entry))) {
		ref_t at = walk->at, next = table_load(&entry->next);

		out->info = load_relaxed(&entry->info); /* relaxed: behind the link */
		out->place = ref_place(at);
		if (ref_order(at) != q->order ||
		    !entry_has_key(s, entry, out->info, q->key, q->key_size)) {
			walk_to(walk, &entry->next, next, next);
			continue;
		}
		if (!entry_is_live(lives, entry, next, out)) {
			walk_over(walk, entry, 1);
			continue;
		}
		walk_to(walk, &entry->next, next, next);
		if (!entry_is_of(out->info, q->kinds))
			walk->passed = walk->passed * 31 + out->place;
		else if (!q->owner || out->owner == q->owner)
			return 0;
	}
	return err;
}

int table_find_at(const struct segment *s, const struct life_table *lives, const struct query *q,
		  place_t place, struct found *out)
{
	struct table_walk walk;
	int err;

	table_line(s, q, &walk);
	do {
		err = table_line_next(s, lives, q, &walk, out);
	} while (!err && out->place != place);
	return err;
}

int table_find_again(const struct segment *s, const struct life_table *lives, const struct query *q,
		     struct found *out)
{
	bool hides = s->unique && q->kinds == KIND_OF(ENTRY_NAME);
	struct query line = *q;
	struct table_walk walk;
	uint64_t passed = 0;
	int tries, err;

	if (hides)
		line.kinds |= KIND_OF(ENTRY_RESERVED);
	for (tries = 0; tries < FIND_TRIES; tries++) {
		table_line(s, &line, &walk);
		err = table_line_next(s, lives, &line, &walk, out);
		if (!err && !entry_is_of(out->info, q->kinds))
			err = -ENOENT;
		if (!table_held(&walk))
			continue;
		/* What was reserved when it was passed has not been published since. */
		if (err != -ENOENT || walk.passed == passed)
			return err;
		passed = walk.passed;
	}
	return -EAGAIN;
}
