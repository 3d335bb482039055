/* SPDX-License-Identifier: MIT */
/*
 * The search, inline: the hot path of the whole library, from a key to its entry.
 *
 * Promises  as table.h says of a search: no lock, nothing written, an end.
 * Needs     a peek or a section of grace.h around it.
 * Context   any; wait-free but for the length of the chain.
 * Used by   lib/.
 *
 * A lookup of an existing key costs some twenty nanoseconds when everything is in the
 * cache. Passing the query to a function through memory would add a quarter to that, so
 * the search is always inlined and the query stays in registers.
 */
#ifndef KREG_SHM_TABLE_SEARCH_H
#define KREG_SHM_TABLE_SEARCH_H

#include <errno.h>

#include "shm/index.h"
#include "shm/query.h"
#include "shm/table.h"

/*
 * The hops of the short search. A table that is not overloaded has chains of a few
 * entries; longer ones are left to the full search, which also detects damage.
 */
#define SHORT_STEPS 8

/*
 * Finds the entry that matches @q. 0; -ENOENT; -EUCLEAN: the list cannot be right, by
 * damage or because a peek was overtaken (the caller's check of the epoch tells which);
 * -ENOMEM: the chain continues where this process has mapped nothing; -EAGAIN as
 * table_find_again(), which decides once an entry of the key does not count.
 *
 * Every hop checks its place and order. The memory may be hostile, and in a peek a
 * block may have been reused, so these checks are what bounds the search and keeps it
 * in the mapping.
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
			/*
			 * A reserved name is taken: entries behind it wait, and a lookup
			 * that went on to them would find a name that is not theirs yet.
			 */
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
 * table_find(), for names of any owner by the index where that has an answer. It says as
 * well that the key is free for both kinds of names. Other kinds are not in it.
 */
static inline int table_find_name(const struct segment *s, const struct life_table *lives,
				  const struct query *q, struct found *out)
{
	int err = q->kinds & KINDS_OF_NAMES ? index_find(s, lives, q, out) : -EAGAIN;

	if (err != -EAGAIN)
		return err;
	if (q->kinds & KIND_OF(ENTRY_NAME) && index_find_alone(s, lives, q, out))
		return 0;
	return table_find(s, lives, q, out);
}

/*
 * The common case of table_find(): few steps, and an entry that lies in one cache line
 * with its value. -EAGAIN: call table_find(). It is straight-line code of few enough
 * instructions for a processor that waits for one entry's line to begin the next search
 * already.
 *
 * It has no order check and no check for a circle, because SHORT_STEPS bounds it. Any
 * doubt, be it a bucket, damage, or an entry that does not count, is left to
 * table_find().
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

	if (!(s->lines && index_start(s, q->order, &at)) &&
	    caa_unlikely(!table_bucket(s, q->hash, &bucket, &at)))
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
