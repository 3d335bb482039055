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
 * What the list is changed by is named by hazards (table_seek.c); one's own entry is named by the caller, from where it
 * was found to the end of the call.
 *
 * After M. M. Michael, "High Performance Dynamic Lock-Free Hash Tables and List-Based Sets", 2002.
 */
#include "shm/table.h"

#include <errno.h>

#include "shm/query.h"
#include "shm/table_seek.h"

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
