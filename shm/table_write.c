/* SPDX-License-Identifier: MIT */
/*
 * Changes to the list: link, unlink, and the clearing away on the way to both.
 *
 * An operation is one CAS of one link:
 *
 *   link         the link in front of the place, from what follows to the new entry. Where a key
 *                is one's alone, an entry is linked behind all of its order, so two who link one
 *                key CAS the same word, and the second looks again and finds the first.
 *   replace      the entry's own link, from x to {new, mark}, where new leads to x: a search that
 *                comes by sees the old one without the mark, or the mark and then the new one.
 *   unregister   the entry's own link, from x to {x, mark}. The mark keeps anyone from linking
 *                behind it.
 *   clear away   the link in front, from the marked entry to what follows it. It changes
 *                nothing that anyone can tell; everybody does it on their way.
 *
 *   killed here                          what is left
 *   before the CAS that links            an entry in no list, in a slab of the dead
 *   after it                             a dead entry: absent
 *   between the mark and the clearing    a marked entry: absent, cleared away by the next
 *
 * The first living entry with a key is the one that a lookup finds, so a line for a name is made of
 * nothing but entries behind it: a death makes the next one the owner in the same instant. Who takes
 * a name over from a living owner that allows it links in front of that owner's entry, by a CAS of
 * the word that led to it; the old owner is next in line then, with its entry and its count.
 *
 * Who marks an entry of the dead does not own its memory: the heir of its slab does, who has
 * gone past its order with table_purge() before the slab is retired.
 *
 * A writer may be expelled from its section anywhere (grace.c). So what a seek has found is checked at its end,
 * and at each CAS of a link of others the block that holds the link and the block that it leads to are named
 * by hazards first. These two are all that the CAS relies on: an entry that the list leads to and that is not
 * marked is in the list, what its link leads to is the next in the list, and a marked entry leads for good to
 * what followed it. One's own entry is named by the caller, from where it was found to the end of the call.
 *
 * After M. M. Michael, "High Performance Dynamic Lock-Free Hash Tables and List-Based Sets", 2002.
 */
#include "shm/table.h"

#include <errno.h>

#include "shm/table_search.h"

/* One step of a seek: what stands at @link. */
enum step { STEP_ON, STEP_AGAIN, STEP_DAMAGED };

/* Marks @entry, at @place, if its owner is dead. *stays: it is live. *next is its link, loaded before its life. */
static enum step mark_dead(const struct writer *w, place_t place, struct entry *entry, ref_t *next,
			   bool *stays)
{
	uint64_t owner = load_relaxed(&entry->owner); /* relaxed: behind the link that led here */

	*next = table_load(&entry->next);
	*stays = !(*next & REF_MARK) && life_word_is_alive(w->lives, owner);
	if (*stays)
		return STEP_ON;
	if (!(*next & REF_MARK) && !table_cas_in(w, place, &entry->next, next, *next | REF_MARK))
		return STEP_AGAIN;
	*next &= ~REF_MARK;
	return STEP_ON;
}

static bool is_beside(ref_t a, ref_t b)
{
	return ref_order(a) == ref_order(b) && !ref_is_end(b);
}

/*
 * An entry that is marked or dead leaves the list, with all such of its order that follow it; otherwise
 * *next is its link. One by one would let @link lead back to a dead one for a moment, with nothing to
 * show a search that another was in front of that meanwhile; see table.c.
 */
static enum step step_over_entry(const struct writer *w, place_t in, uint64_t *link, ref_t *at,
				 struct entry *entry, ref_t *next, bool *stays)
{
	enum step step = mark_dead(w, ref_place(*at), entry, next, stays);
	bool ends = *stays;
	uint64_t hops;

	for (hops = 0; step == STEP_ON && !ends && is_beside(*at, *next); hops++) {
		ref_t behind;

		entry = segment_entry(w->s, ref_place(*next));
		if (!entry || table_is_lost(w->s, hops))
			return STEP_DAMAGED;
		step = mark_dead(w, ref_place(*next), entry, &behind, &ends);
		if (!ends)
			*next = behind;
	}
	if (step != STEP_ON || *stays)
		return step;
	return table_cas_in(w, in, link, at, *next) ? STEP_ON : STEP_AGAIN;
}

/* A bucket that the list has led to is linked, so a claim on it is over. */
static enum step step_into_bucket(const struct writer *w, ref_t at, uint64_t **link, ref_t *next)
{
	const struct segment *s = w->s;
	ref_t word, plain;

	*link = table_bucket_link(s, at);
	if (!*link)
		return STEP_DAMAGED;
	word = plain = table_load(*link);
	if (word & REF_CLAIM) {
		if (table_unclaim(s, word, &plain))
			return STEP_DAMAGED;
		if (!table_cas_in(w, 0, *link, &word, plain))
			return STEP_AGAIN;
	}
	*next = plain;
	return STEP_ON;
}

static bool is_sought(const struct segment *s, const struct query *q, ref_t at, struct entry *entry,
		      struct position *out)
{
	uint64_t info;

	if (!q->key || ref_order(at) != q->order)
		return false;
	info = load_relaxed(&entry->info); /* relaxed: behind the link */
	if (!entry_is_of(info, q->kinds) || !entry_has_key(s, entry, info, q->key, q->key_size))
		return false;
	out->at.info = info;
	out->at.entry = entry;
	out->at.place = ref_place(at);
	/* relaxed: behind the link */
	out->at.owner = owner_without_image(load_relaxed(&entry->owner));
	out->ahead++;
	return !q->owner || out->at.owner == q->owner;
}

/* One go from @start. Ends behind the order, at the bucket that is sought, or at a living entry that matches. */
static enum step seek_once(const struct writer *w, uint64_t *start, ref_t word,
			   const struct query *q, struct position *out)
{
	const struct segment *s = w->s;
	order_t last = 0;
	enum step step;
	uint64_t hops;
	ref_t next;
	bool stays;

	*out = (struct position){ .link = start, .seen = word };
	for (hops = 0; !table_is_lost(s, hops); hops++) {
		struct entry *entry;

		if (order_is_before(q->order, ref_order(out->seen)) || ref_is_end(out->seen))
			return STEP_ON;
		if (order_is_before(ref_order(out->seen), last))
			return STEP_DAMAGED;
		last = ref_order(out->seen);
		if (!order_is_entry(ref_order(out->seen))) {
			out->found = ref_order(out->seen) == q->order;
			if (out->found)
				return STEP_ON;
			step = step_into_bucket(w, out->seen, &out->link, &out->seen);
			if (step != STEP_ON)
				return step;
			out->in = 0;
			continue;
		}
		entry = segment_entry(s, ref_place(out->seen));
		if (!entry)
			return STEP_DAMAGED;
		step = step_over_entry(w, out->in, out->link, &out->seen, entry, &next, &stays);
		if (step != STEP_ON)
			return step;
		if (stays) {
			out->passed++;
			out->found = is_sought(s, q, out->seen, entry, out);
			if (out->found)
				return STEP_ON;
			out->link = &entry->next;
			out->in = ref_place(out->seen);
		}
		out->seen = next;
	}
	return STEP_DAMAGED;
}

int table_seek(const struct writer *w, uint64_t *start, ref_t word, const struct query *q,
	       struct position *out)
{
	uint32_t tries;

	for (tries = 0; start && tries < TABLE_TRIES; tries++, word = table_load(start)) {
		enum step step = seek_once(w, start, word, q, out);

		/* Somebody has changed the list, and so got on; or the search may have gone astray. */
		if (grace_again(w) || step == STEP_AGAIN)
			continue;
		return step == STEP_ON ? 0 : segment_fault(w->s);
	}
	return -EUCLEAN;
}

/* Where @rule wants the seek for a place to stop. */
static struct query link_query(const struct query *q, owner_t self, enum table_rule rule)
{
	struct query seek = *q;

	if (rule == LINK_LAST)
		seek.key = NULL;
	if (rule == LINK_IN_LINE)
		seek.owner = self;
	return seek;
}

/* Whether @rule allows to link in front of the one that was found. */
static bool may_pass(const struct writer *w, enum table_rule rule, const struct found *found)
{
	if (rule == LINK_BEFORE)
		return found->owner != w->self && entry_is_replaceable(found->info);
	return rule == LINK_FIRST;
}

int table_link(const struct writer *w, const struct query *q, place_t place, enum table_rule rule,
	       struct linked *out)
{
	struct query seek = link_query(q, w->self, rule);
	struct entry *entry = segment_entry(w->s, place);
	struct position at;
	uint64_t *start;
	uint32_t tries;
	ref_t word;
	int err = entry ? -EAGAIN : -EUCLEAN;

	for (tries = 0; err == -EAGAIN && tries < TABLE_TRIES; tries++) {
		start = table_bucket_make(w, q->hash, &word);
		err = table_seek(w, start, word, &seek, &at);
		if (err)
			break;
		out->holder = at.at;
		if (at.found && !may_pass(w, rule, &at.at)) {
			/* Its life once more, with the word that has the pid. */
			err = life_look(w->lives, at.at.owner, &out->holder.life) ? -EEXIST
										  : -EAGAIN;
			continue;
		}
		store_relaxed(&entry->next, at.seen); /* relaxed: private until the CAS */
		if (!table_cas_in(w, at.in, at.link, &at.seen,
				  ref_make(place, q->order))) /* happens here */
			err = -EAGAIN;
	}
	if (err)
		return err == -EAGAIN ? -EUCLEAN : err;
	out->front = at.found && rule == LINK_BEFORE;
	out->ahead = at.found ? 0 : at.ahead;
	out->crowded = at.passed;
	return 0;
}

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

int table_purge(const struct writer *w, const struct query *q)
{
	struct query behind = *q;
	struct position at;
	uint64_t *start;
	ref_t word;

	behind.key = NULL;
	start = table_bucket_make(w, q->hash, &word);
	return table_seek(w, start, word, &behind, &at);
}

/* Marks @found, which leads to what followed it, or to @place in front of that. */
static int mark(const struct found *found, const struct query *q, struct entry *entry,
		place_t place)
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

int table_unlink(const struct writer *w, const struct query *q, const struct found *found,
		 place_t *place)
{
	int err = mark(found, q, NULL, 0);

	if (!err)
		*place = table_purge(w, q) ? 0 : found->place;
	return err;
}

int table_replace(const struct writer *w, const struct query *q, const struct found *found,
		  place_t place, place_t *old)
{
	struct entry *entry = segment_entry(w->s, place);
	int err = entry ? mark(found, q, entry, place) : -EUCLEAN;

	if (!err)
		*old = table_purge(w, q) ? 0 : found->place;
	return err;
}
