/* SPDX-License-Identifier: MIT */
/*
 * The words of the list: a link is read with acquire and written by CAS; and the steps that all who go along it make.
 *
 * Promises  nothing is read outside of what is reserved, whatever a link holds.
 * Needs     a peek or a section of grace.h; a change, a write section.
 * Context   any thread; wait-free.
 * Used by   the table; table_load() by lib/, sweep and check, too.
 */
#ifndef KREG_SHM_TABLE_LINK_H
#define KREG_SHM_TABLE_LINK_H

#include "shm/entry.h"
#include "shm/grace.h"

/* What was found. Good as long as the section, or until the peek is checked. */
struct found {
	struct entry *entry;
	place_t place;
	owner_t owner;
	uint64_t info;
	uint64_t life; /* the owner's word, as it was when the owner was seen alive */
};

/* The bucket that @ref leads to; NULL: damage. */
uint64_t *table_bucket_link(const struct segment *s, ref_t ref);
/* What its link leads to; -EUCLEAN. */
int table_bucket_next(const struct segment *s, ref_t ref, ref_t *out);

static inline ref_t table_load(const uint64_t *link)
{
	/*
	 * ORD[table_load:A] acquire: the link, then what it leads to; pairs with table_cas:A
	 */
	return load_acquire(link);
}

bool table_cas(uint64_t *link, ref_t *seen, ref_t next);

/*
 * As table_cas(), for a link of others: in the entry at @in, or 0: a bucket's. False: it has changed, or the
 * section was entered anew, and all that was read before is void; so the search begins again.
 */
bool table_cas_in(const struct writer *w, place_t in, uint64_t *link, ref_t *seen, ref_t next);
/* The reference that a bucket's link will be when its claim is over. */
int table_unclaim(const struct segment *s, ref_t claim, ref_t *out);

/*
 * Whether a search has gone further than all that is there: by damage, or because a peek was
 * overtaken, the list leads back to where it has been.
 */
static inline bool table_is_lost(const struct segment *s, uint64_t hops)
{
	if (caa_likely(hops < 4096))
		return false;
	/* relaxed: both only grow; what was linked before this look is in them */
	return hops > s->hops_max ||
	       hops > load_relaxed(&s->header->slabs) * (SLAB_BYTES / LINE_BYTES) +
			       load_relaxed(&s->header->buckets); /* relaxed: as above */
}

/* The bucket that a search for @hash starts from: the nearest one in the list. False: damage. */
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

/* Whether the entry counts; *link is its own link, read before its owner's life. */
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

/* The same for a name: its word has no image. */
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
