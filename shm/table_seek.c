/* SPDX-License-Identifier: MIT */
/*
 * A writer may be expelled from its section at any instruction (grace.c). So the result
 * of a seek is checked at its end. At each CAS of a link that others may change too,
 * hazards first name the block that holds the link and the block that it leads to. The
 * CAS relies on these two only: an unmarked entry that the list leads to is in the
 * list, what its link leads to is next in the list, and a marked entry leads to what
 * followed it for as long as it exists.
 *
 *   killed or stopped here, exec         what is left
 *   before the mark                      a dead entry: absent, marked by the next writer
 *   between the mark and the clearing    a marked entry: absent, cleared away by the next writer
 *   after the clearing                   a block in no list; the heir of its slab reuses it
 *
 * A stopped writer's late CAS does no harm: a marked word is not the one that it
 * expects, and as long as its hazards name both blocks neither can have become another
 * entry.
 *
 * After M. M. Michael, "High Performance Dynamic Lock-Free Hash Tables and List-Based
 * Sets", 2002.
 */
#include "shm/table_seek.h"

#include <errno.h>

#include "base/probe.h"
#include "shm/index_cells.h"

/*
 * The result of one step of a seek. STEP_AGAIN: the list has changed or the section was
 * entered again, so everything that was read is stale, and the seek restarts at its
 * bucket.
 */
enum step { STEP_ON, STEP_AGAIN, STEP_DAMAGED };

/* A name of the dead @owner was marked, by this process. */
static void note_purged(const struct segment *s, const struct entry *entry, uint64_t owner)
{
	uint64_t info = load_relaxed(&entry->info); /* relaxed: for people */

	if (entry_kind(info) == ENTRY_NAME)
		PROBE(name_purged, s->inode, entry->bytes, entry_key_size(info),
		      owner_without_image(owner));
}

/*
 * Marks @entry, at @place, if its owner is dead. *stays: it is live. *next is its link
 * without a mark, loaded before the life. Nobody may clear away an entry without the
 * mark: another writer could link behind it meanwhile, and the new entry would leave
 * the list together with the dead one.
 */
static enum step mark_dead(const struct writer *w, place_t place, struct entry *entry, ref_t *next,
			   bool *stays)
{
	uint64_t owner = load_relaxed(&entry->owner); /* relaxed: behind the link that led here */

	*next = table_load(&entry->next);
	*stays = !(*next & REF_MARK) && life_word_is_alive(w->lives, owner);
	if (*stays)
		return STEP_ON;
	if (!(*next & REF_MARK)) {
		if (!table_cas_in(w, place, &entry->next, next, *next | REF_MARK))
			return STEP_AGAIN;
		note_purged(w->s, entry, owner);
	}
	*next &= ~REF_MARK;
	return STEP_ON;
}

/*
 * Whether @b is of the same order as @a, and so perhaps of the same key: then it has to
 * leave the list by the same CAS, if it is not live either.
 */
static bool is_beside(ref_t a, ref_t b)
{
	return ref_order(a) == ref_order(b) && !ref_is_end(b);
}

/*
 * Takes an entry that is marked or dead out of the list, with all such entries of its
 * order that follow it directly; else sets *stays, and *next to its link.
 *
 * It is one CAS for all of them. One by one, @link would lead to a dead entry again for
 * a moment, and a search that compares links could not detect that another entry had
 * been in front of that one meanwhile; table.c has the proof. For the same reason each
 * entry is marked before the life of the one behind it is loaded.
 */
static enum step step_over_entry(const struct writer *w, struct position *from, struct entry *entry,
				 ref_t *next, bool *stays)
{
	ref_t *at = &from->seen;
	enum step step = mark_dead(w, ref_place(*at), entry, next, stays);
	bool ends = *stays, is_it = from->sweeps && ref_place(*at) == from->sweeps;
	uint64_t hops;

	for (hops = 0; step == STEP_ON && !ends && is_beside(*at, *next); hops++) {
		ref_t behind;

		entry = segment_entry(w->s, ref_place(*next));
		if (!entry || table_is_lost(w->s, hops))
			return STEP_DAMAGED;
		step = mark_dead(w, ref_place(*next), entry, &behind, &ends);
		if (!ends) {
			is_it |= from->sweeps && ref_place(*next) == from->sweeps;
			*next = behind;
		}
	}
	if (step != STEP_ON || *stays)
		return step;
	if (!table_cas_in(w, from->in, from->link, at, *next))
		return STEP_AGAIN;
	from->swept = is_it;
	return STEP_ON;
}

/*
 * Advances into the bucket that the list leads to at @at. Since the list leads there,
 * the bucket is linked, and a claim in its word is over: it is replaced by the plain
 * link, because the caller may be about to CAS that. The claimant may be dead, so any
 * writer does it.
 */
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

/*
 * Whether the living @entry at @at is what @q asks for; if it has the key, it becomes
 * out->at and counts as ahead, be it another owner's. It may have been unregistered by
 * now: only the caller's check and its CAS decide.
 */
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

/*
 * One pass from @start. STEP_ON at the places that table_seek() names. Nothing of @out
 * may be used before grace_again(): an expelled pass may have walked through reused
 * blocks.
 */
static enum step seek_once(const struct writer *w, struct position start, const struct query *q,
			   struct position *out)
{
	const struct segment *s = w->s;
	order_t last = 0;
	enum step step;
	uint64_t hops;
	ref_t next;
	bool stays;

	*out = start;
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
		step = step_over_entry(w, out, entry, &next, &stays);
		if (step != STEP_ON || out->swept)
			return step;
		/*
		 * A live entry becomes the one in front. One that was cleared away does
		 * not: @link leads to @next now, and a CAS of the cleared entry's link
		 * would put an entry behind one that is in no list.
		 */
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

/*
 * The link of the last entry that the index has in front of @q's order. A cell without LOOK
 * is of an entry that was linked, and an entry is in the list as long as its link has no
 * mark; its block is not used again before its cell was cleared, and this section sees
 * that. So it is a start as good as the bucket, and spares the entries in between.
 */
static bool start_in_line(const struct segment *s, const struct query *q, struct position *out)
{
	place_t place;
	struct entry *entry = order_is_entry(q->order) ? index_before(s, q->order, &place) : NULL;

	if (!entry)
		return false;
	*out = (struct position){ .link = &entry->next, .in = place };
	out->seen = table_load(out->link);
	return !(out->seen & REF_MARK);
}

static int seek(const struct writer *w, uint64_t *start, ref_t word, const struct query *q,
		place_t sweeps, struct position *out)
{
	struct position from;
	bool by_line = start && start_in_line(w->s, q, &from);
	uint32_t tries;

	for (tries = 0; start && tries < TABLE_TRIES; tries++) {
		enum step step;

		/* Once only: the start may be another entry's block in a section entered again. */
		if (!by_line)
			from = (struct position){ .link = start, .seen = word };
		by_line = false;
		from.sweeps = sweeps;
		step = seek_once(w, from, q, out);
		word = table_load(start);
		/*
		 * The check comes before the result is believed: damage that an
		 * expelled pass has met may be a reused block. A retry because of a
		 * change means that another process made progress.
		 */
		if (grace_again(w) || step == STEP_AGAIN)
			continue;
		return step == STEP_ON ? 0 : segment_fault(w->s);
	}
	return -EUCLEAN;
}

int table_seek(const struct writer *w, uint64_t *start, ref_t word, const struct query *q,
	       struct position *out)
{
	return seek(w, start, word, q, 0, out);
}

int table_seek_out(const struct writer *w, uint64_t *start, ref_t word, const struct query *q,
		   place_t place)
{
	struct position out;

	return seek(w, start, word, q, place, &out);
}
