/* SPDX-License-Identifier: MIT */
/*
 * Changes to the list: link, unlink, and the clearing away on the way to both.
 *
 * An operation is one CAS of one link:
 *
 *   link         the link in front of the place, from what follows to the new entry. An entry is
 *                linked behind all of its order, so two who link one key CAS the same word, and
 *                the second looks again and finds the first.
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
 * Who marks an entry of the dead does not own its memory: the heir of its slab does, who has
 * gone past its order with table_purge() before the slab is retired.
 *
 * After M. M. Michael, "High Performance Dynamic Lock-Free Hash Tables and List-Based Sets", 2002.
 */
#include "shm/table.h"

#include <errno.h>

#include "shm/table_search.h"

/* One step of a seek: what stands at @link. */
enum step { STEP_ON, STEP_AGAIN, STEP_DAMAGED };

/* An entry that is marked or dead leaves the list; otherwise *next is its link. */
static enum step step_over_entry(const struct life_table *lives, uint64_t *link, ref_t *at,
				 struct entry *entry, ref_t *next, bool *stays)
{
	owner_t owner = load_relaxed(&entry->owner); /* relaxed: behind the link that led here */

	*next = table_load(&entry->next);
	if (!(*next & REF_MARK)) {
		*stays = life_is_alive(lives, owner);
		if (*stays)
			return STEP_ON;
		if (!table_cas(&entry->next, next, *next | REF_MARK))
			return STEP_AGAIN;
	}
	*stays = false;
	*next &= ~REF_MARK;
	return table_cas(link, at, *next) ? STEP_ON : STEP_AGAIN;
}

/* A bucket that the list has led to is linked, so a claim on it is over. */
static enum step step_into_bucket(const struct segment *s, ref_t at, uint64_t **link, ref_t *next)
{
	place_t bucket = ref_place(at);
	ref_t word, plain;

	/* relaxed: it was raised before the bucket was linked */
	if (bucket >= s->buckets_max || bucket >= load_relaxed(&s->header->buckets))
		return STEP_DAMAGED;
	*link = &s->buckets[bucket];
	word = table_load(*link);
	while (word & REF_CLAIM) {
		if (table_unclaim(s, word, &plain))
			return STEP_DAMAGED;
		if (table_cas(*link, &word, plain))
			word = plain;
	}
	*next = word;
	return STEP_ON;
}

static bool is_sought(const struct segment *s, const struct query *q, ref_t at, struct entry *entry,
		      struct position *out)
{
	if (!q->key || ref_order(at) != q->order)
		return false;
	out->at.info = load_relaxed(&entry->info); /* relaxed: behind the link */
	if (!entry_has_key(s, entry, out->at.info, q->key, q->key_size))
		return false;
	out->at.entry = entry;
	out->at.place = ref_place(at);
	out->at.owner = load_relaxed(&entry->owner); /* relaxed: behind the link */
	return true;
}

/*
 * One go from @start. Ends at the first of a greater order, at the bucket that is sought, or at a
 * living entry with the key.
 */
static enum step seek_once(const struct segment *s, const struct life_table *lives, uint64_t *start,
			   ref_t word, const struct query *q, struct position *out)
{
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
			step = step_into_bucket(s, out->seen, &out->link, &out->seen);
			if (step != STEP_ON)
				return step;
			continue;
		}
		entry = segment_entry(s, ref_place(out->seen));
		if (!entry)
			return STEP_DAMAGED;
		step = step_over_entry(lives, out->link, &out->seen, entry, &next, &stays);
		if (step != STEP_ON)
			return step;
		if (stays) {
			out->passed++;
			out->found = is_sought(s, q, out->seen, entry, out);
			if (out->found)
				return STEP_ON;
			out->link = &entry->next;
		}
		out->seen = next;
	}
	return STEP_DAMAGED;
}

int table_seek(const struct segment *s, const struct life_table *lives, uint64_t *start, ref_t word,
	       const struct query *q, struct position *out)
{
	for (; start; word = table_load(start)) {
		switch (seek_once(s, lives, start, word, q, out)) {
		case STEP_ON:
			return 0;
		case STEP_DAMAGED:
			return -EUCLEAN;
		case STEP_AGAIN: /* somebody has changed the list, and so got on */
			break;
		}
	}
	return -EUCLEAN;
}

int table_link(const struct segment *s, const struct life_table *lives, owner_t self,
	       const struct query *q, place_t place, bool unique, struct found *out,
	       uint32_t *crowded)
{
	struct entry *entry = segment_entry(s, place);
	struct query behind = *q;
	struct position at;
	uint64_t *start;
	ref_t word;
	int err;

	if (!entry)
		return -EUCLEAN;
	if (!unique)
		behind.key = NULL;
	for (;;) {
		start = table_bucket_make(s, lives, self, q->hash, &word);
		err = table_seek(s, lives, start, word, &behind, &at);
		if (err)
			return err;
		if (at.found) {
			/* Its life once more, with the word that has the pid. */
			if (!life_look(lives, at.at.owner, &at.at.life))
				continue;
			*out = at.at;
			return -EEXIST;
		}
		store_relaxed(&entry->next, at.seen); /* relaxed: private until the CAS */
		if (table_cas(at.link, &at.seen, ref_make(place, q->order))) /* happens here */
			break;
	}
	*crowded = at.passed;
	return 0;
}

int table_purge(const struct segment *s, const struct life_table *lives, owner_t self,
		const struct query *q)
{
	struct query behind = *q;
	struct position at;
	uint64_t *start;
	ref_t word;

	behind.key = NULL;
	start = table_bucket_make(s, lives, self, q->hash, &word);
	return table_seek(s, lives, start, word, &behind, &at);
}

/* The first entry of @self under @q. */
static int find_own(const struct segment *s, const struct life_table *lives, owner_t self,
		    const struct query *q, struct entry **out, place_t *place)
{
	struct table_walk walk;
	struct found found;
	order_t order;
	int err;

	table_first(s, q->order, q->order, &walk);
	while (!(err = table_next(s, lives, &walk, &found, &order))) {
		if (order != q->order || found.owner != self ||
		    !entry_has_key(s, found.entry, found.info, q->key, q->key_size))
			continue;
		*out = found.entry;
		*place = found.place;
		return 0;
	}
	return err;
}

int table_unlink(const struct segment *s, const struct life_table *lives, owner_t self,
		 const struct query *q, place_t *place)
{
	struct entry *entry;
	ref_t next;
	int err;

	for (;;) {
		err = find_own(s, lives, self, q, &entry, place);
		if (err)
			return err;
		next = table_load(&entry->next);
		while (!(next & REF_MARK)) {
			if (!table_cas(&entry->next, &next, next | REF_MARK)) /* happens here */
				continue;
			if (table_purge(s, lives, self, q))
				*place = 0;
			return 0;
		}
	}
}
