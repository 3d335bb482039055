/* SPDX-License-Identifier: MIT */
/*
 * A writer may be expelled from its section anywhere (grace.c). So what a seek has found is checked at its end,
 * and at each CAS of a link of others the block that holds the link and the block that it leads to are named
 * by hazards first. These two are all that the CAS relies on: an entry that the list leads to and that is not
 * marked is in the list, what its link leads to is the next in the list, and a marked entry leads for good to
 * what followed it.
 *
 *   killed here                          what is left
 *   between the mark and the clearing    a marked entry: absent, cleared away by the next
 *
 * After M. M. Michael, "High Performance Dynamic Lock-Free Hash Tables and List-Based Sets", 2002.
 */
#include "shm/table_seek.h"

#include <errno.h>

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
