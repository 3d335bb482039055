/* SPDX-License-Identifier: MIT */
/*
 * The search, inline: the hot path of all of kreg, from a key to its entry.
 *
 * Promises  as table.h says of a search: no lock, nothing written, an end.
 * Needs     a peek or a section of grace.h around it.
 * Context   any; wait-free but for the length of the chain.
 * Used by   lib/lookup.c and lib/register.c; its parts by the table and the sweep.
 *
 * A lookup of a key that is there costs some twenty nanoseconds when all is in the cache. A
 * call that hands a query over in memory, to be copied from there, would add a quarter to that.
 */
#ifndef KREG_SHM_TABLE_SEARCH_H
#define KREG_SHM_TABLE_SEARCH_H

#define XXH_INLINE_ALL
#include <errno.h>
#include <xxhash.h>

#include "shm/table.h"

static inline struct query table_query(const struct segment *s, const void *key, size_t key_size)
{
	struct query q;

	q.key = key;
	q.key_size = (uint32_t)key_size;
	q.hash = order_hash((order_t)XXH3_64bits_withSeed(key, key_size, s->seed));
	q.order = order_of_entry(q.hash);
	return q;
}

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
	/* relaxed: a number of buckets that is old is right too; those behind it are parents */
	uint64_t buckets = load_relaxed(&s->header->buckets);
	uint32_t bucket;

	if (caa_unlikely(buckets - 1 >= s->buckets_max)) /* 0 as well */
		buckets = 512;
	bucket = hash & (uint32_t)(buckets - 1);
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
	if (link & REF_MARK)
		return false;
	out->entry = entry;
	out->owner = load_relaxed(&entry->owner); /* relaxed: behind the link that led here */
	return life_look(lives, out->owner, &out->life);
}

/* 0, -ENOENT, or -EUCLEAN: what is there can't be, by damage or because a peek was overtaken. */
static inline __attribute__((always_inline)) int table_find(const struct segment *s,
							    const struct life_table *lives,
							    const struct query *q,
							    struct found *out)
{
	order_t order, last = 0;
	ref_t at, next;
	uint64_t hops, *bucket;

	if (caa_unlikely(!table_bucket(s, q->hash, &bucket, &at)))
		return -EUCLEAN;
	for (hops = 0; caa_likely(!table_is_lost(s, hops)); hops++, last = order, at = next) {
		struct entry *entry;
		uint64_t info;

		order = ref_order(at);
		if (order != q->order) {
			if (order_is_before(q->order, order))
				return -ENOENT;
			if (caa_unlikely(order_is_before(order, last)))
				return -EUCLEAN;
			if (caa_unlikely(!order_is_entry(order))) {
				if (table_bucket_next(s, at, &next))
					return -EUCLEAN;
				continue;
			}
		}
		entry = segment_entry(s, ref_place(at));
		if (caa_unlikely(!entry))
			return ref_is_end(at) ? -ENOENT : -EUCLEAN;
		next = table_load(&entry->next);
		if (order != q->order)
			continue;
		info = load_relaxed(&entry->info); /* relaxed: behind the link */
		if (!entry_has_key(s, entry, info, q->key, q->key_size) ||
		    !entry_is_live(lives, entry, next, out))
			continue;
		out->info = info;
		out->place = ref_place(at);
		return 0;
	}
	return -EUCLEAN;
}

#endif
