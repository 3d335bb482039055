/* SPDX-License-Identifier: MIT */
/*
 * The search, inline: the hot path of all of kreg, from a key to its entry.
 *
 * Promises  as table.h says of a search: no lock, nothing written, an end.
 * Needs     a peek or a section of grace.h around it.
 * Context   any; wait-free but for the length of the chain.
 * Used by   lib/, gift and sweep.
 *
 * A lookup of a key that is there costs some twenty nanoseconds when all is in the cache. A
 * call that hands a query over in memory, to be copied from there, would add a quarter to that.
 */
#ifndef KREG_SHM_TABLE_SEARCH_H
#define KREG_SHM_TABLE_SEARCH_H

#include <errno.h>

#include "shm/query.h"
#include "shm/table.h"

#define SHORT_STEPS 8

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
