/* SPDX-License-Identifier: MIT */
/*
 * The words of the list, and the steps that every pass along it makes.
 *
 * A link is read with acquire and written by CAS. Both are wrapped here, so that no
 * other file can weaken the order that publishes an entry.
 *
 * Promises  nothing is read outside of what is reserved, whatever a link holds.
 * Needs     a peek or a section of grace.h; a change, a write section.
 * Context   any thread; wait-free.
 * Used by   the table; table_load() also by lib/, sweep and check.
 */
#ifndef KREG_SHM_TABLE_LINK_H
#define KREG_SHM_TABLE_LINK_H

#include "shm/entry.h"
#include "shm/grace.h"

/*
 * An entry that was found. @entry may be read until the section ends, or copied from
 * until the peek is checked: afterwards its block may be another entry's.
 */
struct found {
	struct entry *entry;
	place_t place;
	owner_t owner;
	uint64_t info;
	uint64_t life; /* the owner's life word, loaded when the owner was seen alive */
};

/* The bucket word that @ref leads to; NULL: damage. */
uint64_t *table_bucket_link(const struct segment *s, ref_t ref);
/* What the bucket's link leads to, or will when its claim is over; -EUCLEAN, -ENOMEM. */
int table_bucket_next(const struct segment *s, ref_t ref, ref_t *out);

static inline ref_t table_load(const uint64_t *link)
{
	/*
	 * ORD[table_load:A] acquire: the link, then what it leads to; pairs with
	 * table_cas:A
	 */
	return load_acquire(link);
}

/*
 * The CAS of a link. *seen becomes what was found. Only for a link that stays what it is
 * without this call's hazards: a bucket's, or that of an own entry that the caller has
 * named or no other thread can retire.
 */
bool table_cas(uint64_t *link, ref_t *seen, ref_t next);

/*
 * As table_cas(), for a link that other writers may retire: in the entry at @in, or 0:
 * in a bucket. False: the link has changed, or the section was entered again;
 * everything that was read before is stale then, and the search starts over.
 */
bool table_cas_in(const struct writer *w, place_t in, uint64_t *link, ref_t *seen, ref_t next);
/* The reference that a bucket's link will be when its claim is over. -EUCLEAN, -ENOMEM. */
int table_unclaim(const struct segment *s, ref_t claim, ref_t *out);

/*
 * Whether a search has made more hops than the list can have: by damage, or because a
 * peek was overtaken, the list leads back to where the search has been. Two bounds,
 * because the header may be damaged too: what the file has room for, and what is in
 * use, which is smaller.
 */
static inline bool table_is_lost(const struct segment *s, uint64_t hops)
{
	if (caa_likely(hops < 4096))
		return false;
	/* relaxed: both only grow; what was linked before this look is in them */
	return hops > s->hops_max ||
	       hops > load_relaxed(&s->header->slabs) * (SLAB_BYTES / LINE_BYTES) +
			       segment_buckets(s);
}

/*
 * The bucket that a search for @hash starts from: the nearest one that is in the list.
 * False: damage. A bucket that is not linked, or about to be, is passed over for its
 * parent: waiting for the claimant would wait for a process that may be stopped.
 */
static inline bool table_bucket(const struct segment *s, uint32_t hash, uint64_t **link,
				ref_t *word)
{
	uint32_t bucket = hash & (uint32_t)(segment_buckets(s) - 1);

	for (;;) {
		*word = table_load(&s->buckets[bucket]);
		if (caa_likely(*word != REF_NONE && !(*word & REF_CLAIM)))
			break;
		if (!bucket)
			return false; /* bucket 0 is in the list from the start */
		bucket &= ~(0x80000000u >> __builtin_clz(bucket));
	}
	*link = &s->buckets[bucket];
	return true;
}

/*
 * Whether the entry counts; @link is its own link, loaded before this: if that has no
 * mark and the owner is alive afterwards, the entry counted when the link was loaded.
 */
static inline bool entry_is_live(const struct life_table *lives, struct entry *entry, ref_t link,
				 struct found *out)
{
	uint64_t word;

	if (link & REF_MARK)
		return false;
	out->entry = entry;
	word = load_relaxed(&entry->owner); /* relaxed: behind the link that led here */
	out->owner = owner_without_image(word);
	return life_look_word(lives, word, &out->life);
}

/* The same for a name, whose owner word has no image: the hot path saves the comparison. */
static inline bool name_is_live(const struct life_table *lives, struct entry *entry, ref_t link,
				struct found *out)
{
	if (link & REF_MARK)
		return false;
	out->entry = entry;
	out->owner = load_relaxed(&entry->owner); /* relaxed: behind the link that led here */
	return life_look(lives, out->owner, &out->life);
}

#endif
