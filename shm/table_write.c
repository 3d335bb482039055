/* SPDX-License-Identifier: MIT */
/*
 * Changes to the list: link, unlink, replace, and the clearing away that is part of each.
 *
 * An operation is one CAS of one link, so a death leaves it either done or not begun:
 *
 *   link         The link in front of the place, from what follows to the new entry. Where a
 *                key has one holder, an entry is linked behind all of its order, so two
 *                processes that link one key CAS the same word; the one that fails seeks again
 *                and finds the other's entry.
 *   replace      The entry's own link, from x to {new, mark}, where new leads to x: a search
 *                sees the old entry without the mark, or the mark and then the new entry.
 *   unregister   The entry's own link, from x to {x, mark}. The mark keeps every writer from
 *                linking behind the entry.
 *   clear away   The link in front, from the marked entry to what follows it. No search can
 *                tell the difference; every writer does it on its way.
 *
 *   killed, stopped or exec here         what is left
 *   before the CAS that links            an entry in no list, in a slab of the dead
 *   after it                             a dead entry: absent
 *   between the mark and the clearing    a marked entry: absent, cleared away by the next
 *
 * A lookup finds the first living entry with a key, so a line for a name is nothing but
 * the entries behind it: a death makes the next entry's owner the holder in the same
 * instant. A take-over from a living owner that allows it links in front of that
 * owner's entry, by a CAS of the word that led to it; the old owner is next in line
 * then, with its entry and its count.
 *
 * Of an entry that is to be dropped by a take-over the taker is the one that replaces it,
 * by the same CAS as its owner would:
 *
 *   the holder's link    by             what a search finds    killed behind it
 *   x                                   the holder
 *   {new, mark}          the taker      the taker              absent: the taker is dead
 *                                                              (its next in line holds the name)
 *   {new, mark}          the holder     its own new entry, with other flags or another value
 *   {x, mark}            the holder     what is behind it
 *
 * So a taker and an owner that updates, unregisters or gives its entry, or changes its
 * flags, CAS the same word, and the one that fails finds the entry marked. Nothing comes in
 * front of such an entry: each process that takes it over replaces it, as its flags are
 * constant.
 *
 * A writer that marks an entry of the dead does not own its memory. The heir of its
 * slab does, and calls table_purge() for its order before it retires the slab.
 *
 * Hazards name what a CAS of the list relies on (table_seek.c). The caller names its
 * own entry, from when it was found to the end of the call.
 *
 * After M. M. Michael, "High Performance Dynamic Lock-Free Hash Tables and List-Based
 * Sets", 2002.
 */
#include "shm/table.h"

#include <errno.h>

#include "shm/group.h"
#include "shm/index_cells.h"
#include "shm/query.h"
#include "shm/table_seek.h"

/*
 * With this many entries passed in front of a new one the table may be too small, where no
 * line says it; more where a bucket is meant to have several.
 */
#define CROWDED 3u
#define CROWDED_UNIQUE (CROWDED + SEGMENT_BUCKET_ENTRIES)

/* More than a table that is not overloaded has in front of a place. */
#define SPOT_HOPS 16u

/*
 * The query by which @rule's place is found, derived from the caller's @q. Without a
 * key the seek passes the whole order and stops behind it; with an owner, it stops only
 * at an entry of that owner, so that a process does not stand in one line twice.
 */
static struct query link_query(const struct query *q, owner_t self, enum table_rule rule)
{
	struct query seek = *q;

	if (rule == LINK_LAST)
		seek.key = NULL;
	if (rule == LINK_IN_LINE)
		seek.owner = self;
	return seek;
}

/*
 * Whether @rule allows the new entry in front of the one that was found. Not in front
 * of self's own by LINK_BEFORE: it would take the name over from itself, and hold it
 * twice.
 */
static bool may_pass(const struct writer *w, enum table_rule rule, const struct found *found)
{
	if (rule == LINK_BEFORE)
		return found->owner != w->self && entry_is_replaceable(found->info) &&
		       !entry_is_dropped(found->info);
	if (rule == LINK_IF_FREE)
		return found->owner != w->self && entry_yields(found->info);
	return rule == LINK_FIRST;
}

/*
 * Whether the entry that was linked by @rule holds the name, and will to its end: in a
 * registry with unique keys nothing comes in front of it but where may_pass() says so, of
 * entries that index_settle() has to refuse.
 */
static bool is_first(const struct writer *w, enum table_rule rule, const struct linked *linked)
{
	return w->s->unique && (rule == LINK_IF_FREE || !linked->ahead);
}

/*
 * A place between two neighbours, found without a seek: as struct position, and it is valid
 * as long.
 */
struct spot {
	uint64_t *link;
	place_t in;
	ref_t seen;
	uint32_t hops;
};

/* What a call has of the entry that it links. */
struct linking {
	struct entry *entry;
	struct spot spot;
	struct index_claim cell;
	struct group_claim group;
};

/*
 * The usual case of table_seek(): from the last entry in front that the index knows, or the
 * bucket, it is a hop or none to the first of @order or behind. It clears nothing away, so
 * it goes over entries of the dead, which are in the list as long as they have no mark; with
 * one that has, a claim or any doubt it leaves the matter to the seek. As there, nothing of
 * *at may be relied upon before the check in table_cas_in().
 */
static inline __attribute__((always_inline)) bool spot_find(const struct segment *s, order_t order,
							    struct spot *at)
{
	struct entry *entry = index_before(s, order, &at->in);

	if (caa_likely(entry)) {
		at->link = &entry->next;
	} else {
		at->in = 0;
		at->link = &s->buckets[order_hash(order) & (uint32_t)(segment_buckets(s) - 1)];
	}
	at->seen = table_load(at->link);
	for (at->hops = 0; at->hops < SPOT_HOPS; at->hops++) {
		if (caa_unlikely(at->seen & (REF_MARK | REF_CLAIM) || at->seen == REF_NONE))
			return false;
		if (!order_is_before(ref_order(at->seen), order))
			return true;
		entry = segment_entry(s, ref_place(at->seen));
		if (caa_unlikely(!order_is_entry(ref_order(at->seen)) || !entry))
			return false;
		at->in = ref_place(at->seen);
		at->link = &entry->next;
		at->seen = table_load(at->link);
	}
	return false;
}

/* The place for a new entry by a seek. -EEXIST, with the holder; -EAGAIN: again. */
static __attribute__((noinline)) int link_seek(const struct writer *w, const struct query *q,
					       enum table_rule rule, struct spot *spot,
					       struct linked *out)
{
	struct query seek = link_query(q, w->self, rule);
	struct position at;
	ref_t word;
	uint64_t *start = table_bucket_make(w, q->hash, &word);
	int err = table_seek(w, start, word, &seek, &at);

	if (err)
		return err;
	out->holder = at.at;
	out->front = at.found && rule != LINK_FIRST;
	out->ahead = at.found ? 0 : at.ahead;
	*spot = (struct spot){ at.link, at.in, at.seen, at.passed };
	if (!at.found || may_pass(w, rule, &at.at))
		return 0;
	/*
	 * The life again, for the word with the pid. A holder that died since the seek is no
	 * reason for -EEXIST: the name is free by then.
	 */
	return life_look(w->lives, at.at.owner, &out->holder.life) ? -EEXIST : -EAGAIN;
}

/* Without one of its order nothing can match, whatever the rule. */
static inline __attribute__((always_inline)) int link_spot(const struct writer *w,
							   const struct query *q,
							   enum table_rule rule, bool again,
							   struct spot *spot, struct linked *out)
{
	if (caa_unlikely(again || !spot_find(w->s, q->order, spot) ||
			 ref_order(spot->seen) == q->order))
		return link_seek(w, q, rule, spot, out);
	out->front = false;
	out->ahead = 0;
	return 0;
}

/* One try. -EAGAIN: place and holder are stale. */
static inline __attribute__((always_inline)) int
link_once(const struct writer *w, const struct query *q, place_t place, enum table_rule rule,
	  bool again, struct linking *linking, struct linked *out)
{
	int err = link_spot(w, q, rule, again, &linking->spot, out);

	if (caa_unlikely(err))
		return err;
	/*
	 * Before the CAS: a search may follow the new entry the moment it is linked. A failed
	 * CAS leaves it private, to be written again.
	 */
	/* relaxed: private until the CAS */
	store_relaxed(&linking->entry->next, linking->spot.seen);
	err = index_claim(w, q, place, &linking->cell);
	if (caa_unlikely(err))
		return err;
	group_claim(w->s, q, place, 0, &linking->group);
	return table_cas_in(w, linking->spot.in, linking->spot.link, &linking->spot.seen,
			    ref_make(place, q->order))
		       ? /* happens here */
		       0
		       : -EAGAIN;
}

/* The further tries. */
static __attribute__((noinline)) int link_again(const struct writer *w, const struct query *q,
						place_t place, enum table_rule rule,
						struct linking *linking, struct linked *out)
{
	uint32_t tries;
	int err = -EAGAIN;

	for (tries = 1; err == -EAGAIN && tries < TABLE_TRIES; tries++)
		err = link_once(w, q, place, rule, true, linking, out);
	return err;
}

static __attribute__((noinline)) int link_failed(struct linking *linking, int err)
{
	index_unclaim(&linking->cell);
	group_unclaim(&linking->group);
	return err == -EAGAIN ? -EUCLEAN : err;
}

int table_link(const struct writer *w, const struct query *q, place_t place, enum table_rule rule,
	       struct linked *out)
{
	struct linking linking = { .entry = segment_entry(w->s, place) };
	int err;

	if (caa_unlikely(!linking.entry))
		return -EUCLEAN;
	err = link_once(w, q, place, rule, false, &linking, out);
	if (caa_unlikely(err == -EAGAIN))
		err = link_again(w, q, place, rule, &linking, out);
	if (caa_unlikely(err))
		return link_failed(&linking, err);
	out->crowded = linking.cell.crowded ||
		       linking.spot.hops >= (w->s->unique ? CROWDED_UNIQUE : CROWDED);
	out->unready = linking.cell.unready || table_is_behind(w->s);
	index_settle(&linking.cell, linking.entry, is_first(w, rule, out));
	return 0;
}

/* The life is loaded again after the seek: an entry that died meanwhile is sought past. */
int table_find_first(const struct writer *w, const struct query *q, struct found *out)
{
	struct position at;
	uint64_t *start;
	uint32_t tries;
	ref_t word;
	int err;

	for (tries = 0; tries < TABLE_TRIES; tries++) {
		start = table_bucket_make(w, q->hash, &word);
		err = table_seek(w, start, word, q, &at);
		if (err)
			return err;
		if (!at.found)
			return -ENOENT;
		*out = at.at;
		if (life_look(w->lives, out->owner, &out->life))
			return 0;
	}
	return -EUCLEAN;
}

/* Clears the cells of the entry of @q at @place. False: its memory must not be reused. */
static inline bool cells_clear(const struct writer *w, const struct query *q, place_t place)
{
	if (!(q->kinds & KINDS_OF_NAMES))
		return true;
	group_clear(w->s, q, place);
	return index_clear(w, q->order, place);
}

/*
 * The seek has no key, so no living entry ends it early: the entry can lie behind living ones of
 * its order. But it ends at the entry: a process that unregisters many under one key, the
 * first of them first, would go along all others each time.
 */
int table_purge(const struct writer *w, const struct query *q, place_t place)
{
	struct query behind = *q;
	uint64_t *start;
	ref_t word;
	int err;

	behind.key = NULL;
	start = table_bucket_make(w, q->hash, &word);
	err = table_seek_out(w, start, word, &behind, place);
	if (!err && !cells_clear(w, q, place))
		err = -EUCLEAN;
	return err;
}

/*
 * Marks @found: with @entry NULL it leads to what followed it, else to @place, which is
 * @entry and leads to that. -ENOENT: it was marked already. The caller names @found by
 * a hazard, so a plain table_cas() will do: no check is needed for an entry whose block
 * cannot be reused.
 *
 * @entry's link is stored before each try, because the mark and the new entry have to
 * appear in one CAS: a search that met a mark without the new entry would find the name
 * free.
 */
static inline __attribute__((always_inline)) int
mark(const struct found *found, const struct query *q, struct entry *entry, place_t place)
{
	ref_t next = table_load(&found->entry->next);
	uint32_t tries;

	for (tries = 0; !(next & REF_MARK); tries++) {
		ref_t marked = next;

		if (tries == TABLE_TRIES)
			return -EUCLEAN;
		if (entry) {
			store_relaxed(&entry->next, next); /* relaxed: private until the CAS */
			marked = ref_make(place, q->order);
		}
		if (table_cas(&found->entry->next, &next, marked | REF_MARK)) /* happens here */
			return 0;
	}
	return -ENOENT;
}

/*
 * The usual case of table_purge() for @found, which this call has marked. Of one that is
 * beside others of its order the seek has to decide, see step_over_entry(). What follows
 * stays there as long as a marked entry leads to it, and that is in the list if the CAS
 * succeeds.
 */
static inline __attribute__((always_inline)) bool
clear_away(const struct writer *w, const struct query *q, const struct found *found)
{
	ref_t next = table_load(&found->entry->next) & ~REF_MARK;
	struct spot spot;

	return ref_order(next) != q->order && spot_find(w->s, q->order, &spot) &&
	       spot.seen == ref_make(found->place, q->order) &&
	       table_cas_in(w, spot.in, spot.link, &spot.seen, next) &&
	       cells_clear(w, q, found->place);
}

/*
 * From the mark on the entry is absent. Failing to purge is therefore not an error of
 * the call; but a block that may still be in the list must not be reused, so its place
 * is not returned.
 */
int table_unlink(const struct writer *w, const struct query *q, const struct found *found,
		 place_t *place)
{
	int err = mark(found, q, NULL, 0);

	if (!err)
		*place = clear_away(w, q, found) || !table_purge(w, q, found->place) ? found->place
										     : 0;
	return err;
}

/*
 * The purge clears only the old entry: the new one has no mark, and its owner is alive.
 * @first: it is the first of its key when it is in the list.
 */
static int replace(const struct writer *w, const struct query *q, const struct found *found,
		   place_t place, bool first, place_t *old)
{
	struct entry *entry = segment_entry(w->s, place);
	struct index_claim claim = { 0 };
	struct group_claim group = { 0 };
	uint32_t tries;
	int err = entry ? -EAGAIN : -EUCLEAN;

	for (tries = 0; err == -EAGAIN && tries < TABLE_TRIES; tries++) {
		/* relaxed: private; without a mark from before its cell is taken */
		store_relaxed(&entry->next, REF_END);
		err = index_claim(w, q, place, &claim);
	}
	if (!err) {
		group_claim(w->s, q, place, found->place, &group);
		err = mark(found, q, entry, place);
	}
	if (err) {
		index_unclaim(&claim);
		group_unclaim(&group);
		return err == -EAGAIN ? -EUCLEAN : err;
	}
	*old = table_purge(w, q, found->place) ? 0 : found->place;
	index_settle(&claim, entry, first);
	return 0;
}

/*
 * Where lookups took the old one for the first of its key, it was that when the mark was
 * set, and the new one is it now.
 */
int table_replace(const struct writer *w, const struct query *q, const struct found *found,
		  place_t place, place_t *old)
{
	bool first = index_is_settled(w->s, q->order, found->place);

	return replace(w, q, found, place, first, old);
}

/*
 * The holder was the first of its key when it was found, and nothing comes in front of it,
 * so the new one is the first. If the holder has died since, its next in line may have held
 * the name until now, as where a take-over links in front (register.c).
 */
int table_take(const struct writer *w, const struct query *q, const struct found *holder,
	       place_t place, place_t *old)
{
	return replace(w, q, holder, place, true, old);
}

/*
 * The seek of table_find_first() clears away what is in front, so nothing that was seen
 * before can be taken over in front of the entry.
 */
bool table_settle(const struct writer *w, const struct query *q, owner_t owner, place_t place)
{
	struct query line = *q;
	struct found first;

	line.kinds = KINDS_OF_NAMES;
	line.owner = 0;
	if (!w->s->unique || table_find_first(w, &line, &first))
		return true;
	if (first.place == place)
		index_settle_at(w, q->order, place, first.info);
	return first.place == place || first.owner == owner;
}
