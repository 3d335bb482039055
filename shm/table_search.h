/* SPDX-License-Identifier: MIT */
/*
 * The search, inline: the hot path of all of kreg, from a key to its entry.
 *
 * Promises  as table.h says of a search: no lock, nothing written, an end.
 * Needs     a peek or a section of grace.h around it.
 * Context   any; wait-free but for the length of the chain.
 * Used by   lib/; its parts by the table, gift and sweep.
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

#define SHORT_STEPS 8

/* Locks, claims and states are elsewhere in the list than names, so that a long line costs the others nothing. */
#define SEED_OF_LOCKS 0x9e3779b97f4a7c15ull
#define SEED_OF_CLAIMS 0xc2b2ae3d27d4eb4full
#define SEED_OF_STATUS 0x165667b19e3779f9ull

static inline struct query table_query_by(uint64_t seed, const void *key, size_t key_size,
					  uint32_t kinds)
{
	struct query q;

	q.key = key;
	q.key_size = (uint32_t)key_size;
	q.hash = order_hash((order_t)XXH3_64bits_withSeed(key, key_size, seed));
	q.bell = q.hash;
	q.order = order_of_entry(q.hash);
	q.kinds = kinds;
	q.owner = 0;
	return q;
}

/* Names that can be found. */
static inline struct query table_query(const struct segment *s, const void *key, size_t key_size)
{
	return table_query_by(s->seed, key, key_size, KIND_OF(ENTRY_NAME));
}

static inline struct query table_query_lock(const struct segment *s, const void *key,
					    size_t key_size)
{
	return table_query_by(s->seed ^ SEED_OF_LOCKS, key, key_size, KIND_OF(ENTRY_LOCK));
}

static inline struct query table_query_claim(const struct segment *s, const void *key,
					     size_t key_size)
{
	return table_query_by(s->seed ^ SEED_OF_CLAIMS, key, key_size, KIND_OF(ENTRY_CLAIM));
}

static inline struct query table_query_status(const struct segment *s, const void *key,
					      size_t key_size)
{
	return table_query_by(s->seed ^ SEED_OF_STATUS, key, key_size, KIND_OF(ENTRY_STATUS));
}

/*
 * From the query for a key to that for what owners of one partition have under it. The key's entries are
 * in as many places of the list as there are partitions.
 */
static inline void table_query_partition(struct query *q, uint32_t partition)
{
	q->hash = order_hash(q->bell + partition * 0x9e3779b1u);
	q->order = order_of_entry(q->hash);
}

static inline uint32_t table_partition(const struct segment *s, owner_t owner)
{
	return owner_seat(owner) % s->partitions;
}

/* What @owner has under a key, or is to have. */
static inline struct query table_query_of(const struct segment *s, owner_t owner, const void *key,
					  size_t key_size)
{
	struct query q = table_query(s, key, key_size);

	table_query_partition(&q, table_partition(s, owner));
	return q;
}

/* What leads to @owner's entry of @info with that key. */
static inline struct query table_query_entry(const struct segment *s, owner_t owner, uint64_t info,
					     const void *key)
{
	switch (entry_kind(info)) {
	case ENTRY_LOCK:
		return table_query_lock(s, key, entry_key_size(info));
	case ENTRY_CLAIM:
		return table_query_claim(s, key, entry_key_size(info));
	case ENTRY_STATUS:
		return table_query_status(s, key, entry_key_size(info));
	default:
		return table_query_of(s, owner, key, entry_key_size(info));
	}
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

/*
 * 0, -ENOENT, or -EUCLEAN: what is there can't be, by damage or because a peek was overtaken. -EAGAIN as
 * table_find_again(), which has the last word where an entry of the key does not count.
 */
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
					return segment_fault(s);
				continue;
			}
		}
		entry = segment_entry(s, ref_place(at));
		if (caa_unlikely(!entry))
			return ref_is_end(at) ? -ENOENT : segment_fault(s);
		next = table_load(&entry->next);
		if (order != q->order)
			continue;
		info = load_relaxed(&entry->info); /* relaxed: behind the link */
		if (!entry_has_key(s, entry, info, q->key, q->key_size))
			continue;
		if (caa_unlikely(!entry_is_live(lives, entry, next, out)))
			return table_find_again(s, lives, q, out);
		if (caa_unlikely(!entry_is_of(info, q->kinds))) {
			/* A name that is reserved is taken: those behind it wait. */
			if (s->unique && q->kinds == KIND_OF(ENTRY_NAME) &&
			    entry_kind(info) == ENTRY_RESERVED)
				return -ENOENT;
			return table_find_again(s, lives, q, out);
		}
		out->info = info;
		out->place = ref_place(at);
		return 0;
	}
	return -EUCLEAN;
}

/*
 * As table_find(), for what is usual: few steps, and an entry that lies in one line with its value.
 * -EAGAIN: ask table_find(). In straight line it takes few enough instructions for a processor that
 * waits for one entry's line to begin with the next search.
 */
static inline __attribute__((always_inline)) int table_find_short(const struct segment *s,
								  const struct life_table *lives,
								  const struct query *q,
								  struct found *out)
{
	struct entry *entry;
	uint64_t *bucket;
	ref_t at, next;
	int steps;

	if (caa_unlikely(!table_bucket(s, q->hash, &bucket, &at)))
		return -EAGAIN;
	for (steps = 0; steps < SHORT_STEPS; steps++, at = next) {
		order_t order = ref_order(at);

		if (order != q->order && order_is_before(q->order, order))
			return -ENOENT;
		if (caa_unlikely(!order_is_entry(order)))
			return -EAGAIN;
		entry = segment_entry(s, ref_place(at));
		if (caa_unlikely(!entry))
			return -EAGAIN;
		next = table_load(&entry->next);
		if (order != q->order)
			continue;
		out->info = load_relaxed(&entry->info); /* relaxed: behind the link */
		out->place = ref_place(at);
		if (caa_likely(entry_is_in_line(out->info, q->key_size) &&
			       copy_equals(entry->bytes, q->key, q->key_size) &&
			       name_is_live(lives, entry, next, out)))
			return 0;
		break;
	}
	return -EAGAIN;
}

#endif
