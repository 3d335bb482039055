/* SPDX-License-Identifier: MIT */
/*
 * The walk over all entries, the search that has the last word, and the proof that
 * searches are correct.
 *
 * One list holds all entries and buckets, sorted by order (place.h). A bucket is a link
 * in an array; a search starts at the link of its bucket and continues while the order
 * is not above its own. A bucket that is not linked yet is replaced by its parent, the
 * same number without the highest bit, which is earlier in the list. So a search
 * usually reads two cache lines: the bucket's and the entry's.
 *
 *   state of an entry   its link       its owner   counts as   left by a death
 *   private             any            self        absent      as it is; the slab is the dead's
 *   linked              no mark        alive       present     absent at once: nothing to do
 *   unregistered        mark           any         absent      a writer that passes unlinks it
 *   dead                no mark        over        absent      a writer nearby marks it
 *   unlinked            mark           any         absent      reused after a grace period
 *
 * A link is read with acquire and written by CAS, through table_load() and table_cas()
 * only.
 *
 * Searches are linearizable: a name that is never free is found, and the entry that is
 * found held the name at some moment of the search. Relative to a search's position in
 * the list, a change is one of three:
 *
 *   ahead     A link at the end of an order; replace and give, which put an entry behind the
 *             one that they mark. The search reaches it, provided that it loads the link of
 *             an entry that does not count again *after* it saw that: what was put behind
 *             the entry while that counted is in the link by then.
 *   nothing   Unregister, death, clearing away: only an entry ahead can get a name by them.
 *   in front  of the first living entry of the key: REPLACE, and a duplicate key. A search
 *             that loaded the link in front of the old holder before this, and finds the
 *             holder dead after it, has missed the new one.
 *
 * So a search that saw an entry X of its key not count has to verify that nothing came
 * in front since it loaded the link L that led to X. It loads L again at the end, and
 * starts again if L has changed: every CAS that puts an entry in front of X is one of
 * L, and so is every CAS that clears X away. (Where X was reached over entries with a
 * mark, whose links no CAS changes, L is the link in front of these.)
 *
 * It is enough that L leads to X at both loads, because of one rule: a CAS that clears
 * entries away in front of X, and makes L lead to X again, comes from a writer that saw
 * X alive *after* they were marked; a dead X is cleared away by the same CAS
 * (step_over_entry()). So when X died, nothing living was in front of it, nothing came
 * in front until the second load, and everything that could hold the name was ahead.
 * This includes a writer that is about to link in front of an entry that has died
 * meanwhile: its CAS is one of L.
 *
 * One CAS comes after the death of the entry that it marks: that of a process which replaces
 * X to take the name over (table_take()), and has seen X alive as the first of its key. It puts
 * the taker behind X, where the search may have been already. So if X is such an entry, the
 * search loads X's link once more at the end as well. Such an X is the first that does not
 * count: what was in front of it was cleared away before it was taken for the first.
 *
 * A counter of take-overs instead of L would not do: while a taker-over is stopped
 * between raising it and its CAS, no count shows that one is due. Only a search that
 * may have missed something pays: one that finds the first entry of its key alive, or
 * none, loads nothing twice. It repeats only if another process has made progress.
 *
 * On weakly ordered processors: each load of a link or a life is an acquire, so the
 * second load of L comes after the load of the life; a taker-over's CAS that happened
 * before the death of the holder is visible to every process that has seen the death.
 *
 * A peek may be overtaken: the block that it reads is reused meanwhile. So each place
 * is checked against what is reserved, an order that decreases ends the search, and so
 * does a number of hops that no list can have; the answer is discarded when the epoch
 * is compared.
 */
#include "shm/table.h"

#include <errno.h>

#include "shm/query.h"

/*
 * The limit for searches that repeat because a name got another owner meanwhile. The
 * search stays bounded although other processes pass a name on at every try.
 */
#define FIND_TRIES 256

/*
 * Advances the walk from @link, which held @seen, to where that leads; @to is the same
 * word without a claim. The mark is taken off @at, so that it compares equal to other
 * references to that place: walk_entry() recognizes a circle by it.
 */
static void walk_to(struct table_walk *walk, const uint64_t *link, ref_t seen, ref_t to)
{
	/*
	 * A link with a mark is that of an entry that may have left the list: no CAS
	 * changes it any more, so comparing it later would never show a change. The one
	 * in front of it does.
	 */
	if (!(seen & REF_MARK))
		walk->front = (struct table_guard){ link, seen };
	walk->at = to & ~REF_MARK;
}

/*
 * Advances from the bucket that the walk is at. A claim in its word is no reason to
 * wait: the word also has what the link will be, and a bucket that the list leads to is
 * linked. The guard keeps the word with the claim, because it is that word that a CAS
 * would change. -EUCLEAN, -ENOMEM.
 */
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

/*
 * The entry that the walk is at, live or not, with buckets passed over. -ENOENT: the
 * walk is past @until or at the end of the list, and stays there; -EUCLEAN, -ENOMEM.
 *
 * Each check ends a different kind of damage. Without the order check a peek that
 * stands in a reused block would report entries of unrelated buckets; without the other
 * two a circle among entries of one order would keep a lookup in a loop.
 */
static int walk_entry(const struct segment *s, struct table_walk *walk, struct entry **out)
{
	while (!walk->lost && !table_is_lost(s, walk->hops)) {
		order_t order = ref_order(walk->at);

		if (ref_is_end(walk->at) || order_is_before(walk->until, order))
			return -ENOENT;
		if (order_is_before(order, walk->last) || walk->at == walk->before)
			break;
		walk->last = order;
		/*
		 * Remembered at hops 0, 1, 3, 7, ...: the distance doubles, so a circle
		 * of any length returns to one of these places before the next is
		 * remembered.
		 */
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

/*
 * Advances over @entry, which is not live. Its link is loaded again: the one from
 * before may be older than its end and lead past an entry that was put behind it in
 * between, such as a replacement. The link in front is kept as a guard, if fewer than
 * @guards are.
 */
static void walk_over(struct table_walk *walk, const struct entry *entry, uint32_t guards)
{
	ref_t next = table_load(&entry->next);

	if (walk->guarded < guards) {
		walk->guards[walk->guarded++] = walk->front;
		/* relaxed: behind the link that led here */
		if (caa_unlikely(!(next & REF_MARK) && walk->guarded < WALK_GUARDS &&
				 entry_is_dropped(load_relaxed(&entry->info))))
			walk->guards[walk->guarded++] = (struct table_guard){ &entry->next, next };
	}
	walk_to(walk, &entry->next, next, next);
}

bool table_held(const struct table_walk *walk)
{
	uint32_t i;

	/*
	 * Every load of the walk was an acquire, so these loads come after them. A link
	 * that has changed and leads to the same entry again does no harm, because of
	 * the rule in the head: that entry was alive then.
	 */
	for (i = 0; i < walk->guarded; i++) {
		if (table_load(walk->guards[i].link) != walk->guards[i].seen)
			return false;
	}
	return true;
}

/*
 * Starts at the nearest linked bucket for @hash. Damage is recorded as lost, not
 * returned: the first step of the walk reports it, so callers have one place for
 * errors.
 */
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
		/*
		 * The link before the life: if it has no mark and the owner is alive
		 * after that, the entry counted when the link was loaded.
		 */
		ref_t at = walk->at, next = table_load(&entry->next);

		*order = ref_order(at);
		/*
		 * The guards of an order are checked when it ends: earlier, an entry
		 * could still come in front; later, the caller would have acted upon
		 * the order.
		 */
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
		/* In this order: see table_next(). */
		ref_t at = walk->at, next = table_load(&entry->next);

		out->info = load_relaxed(&entry->info); /* relaxed: behind the link */
		out->place = ref_place(at);
		if (ref_order(at) != q->order ||
		    !entry_has_key(s, entry, out->info, q->key, q->key_size)) {
			walk_to(walk, &entry->next, next, next);
			continue;
		}
		if (!entry_is_live(lives, entry, next, out)) {
			/* One guard is enough: all entries that get here are of one key. */
			walk_over(walk, entry, 1);
			continue;
		}
		walk_to(walk, &entry->next, next, next);
		if (!entry_is_of(out->info, q->kinds))
			/* It may be a reserved name, which can be published in place. */
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

	/*
	 * Where a name has one holder, a reserved one hides what is behind it: the
	 * search has to stop there and report that nothing is found.
	 */
	if (hides)
		line.kinds |= KIND_OF(ENTRY_RESERVED);
	for (tries = 0; tries < FIND_TRIES; tries++) {
		table_line(s, &line, &walk);
		err = table_line_next(s, lives, &line, &walk, out);
		if (!err && !entry_is_of(out->info, q->kinds))
			err = -ENOENT;
		if (!table_held(&walk))
			continue;
		/*
		 * Other entries may be reserved ones, and one that was passed could
		 * have been published before the walk ended: then the name was never
		 * free. A kind goes from reserved to name and not back, so a second
		 * walk that passes the same entries shows that all of them were still
		 * reserved when it began.
		 */
		if (err != -ENOENT || walk.passed == passed)
			return err;
		passed = walk.passed;
	}
	return -EAGAIN;
}
