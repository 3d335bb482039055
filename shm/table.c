/* SPDX-License-Identifier: MIT */
/*
 * The search, and the walk over all.
 *
 * One list holds all entries and buckets, sorted by order (place.h). A bucket is a link in an array;
 * a search starts at the link of its bucket and goes on while the order is not above its own. A
 * bucket that is not linked yet stands for nothing: its parent, the same number without the
 * highest bit, is earlier in the list. So a search reads the bucket's line and the entry's.
 *
 *   state of an entry   its link       its owner   counts as   left by a death
 *   private             any            self        absent      as it is; the slab is the dead's
 *   linked              no mark        alive       present     absent at once: nothing to do
 *   unregistered        mark           any         absent      whoever comes by unlinks it
 *   dead                no mark        over        absent      whoever writes nearby marks it
 *   unlinked            mark           any         absent      back after a grace period
 *
 * A link is read with acquire and written by CAS, through table_load() and table_cas() alone.
 *
 * A peek may be overtaken: a block that it stands in is used for something else. So each place is
 * checked against what is reserved, an order that goes down ends the search, and so does a number
 * of hops that no list can have; the answer is thrown away when the epoch is looked at again.
 */
#include "shm/table.h"

#include <errno.h>

#include "shm/table_search.h"

bool table_cas(uint64_t *link, ref_t *seen, ref_t next)
{
	/*
	 * ORD[table_cas:A] acq_rel: what is in the entry, then the link to it; pairs with
	 * table_load:A, gift_pass:A
	 */
	return cas_acq_rel(link, seen, next);
}

int table_unclaim(const struct segment *s, ref_t claim, ref_t *out)
{
	place_t place = ref_place(claim);
	const struct entry *entry;
	unsigned char key[256];
	uint64_t info;

	if (!ref_claim_is_entry(claim)) {
		*out = ref_make(place, order_of_bucket(place));
		return 0;
	}
	if (!place) {
		*out = REF_END;
		return 0;
	}
	entry = segment_entry(s, place);
	if (!entry)
		return -EUCLEAN;
	info = load_relaxed(&entry->info); /* relaxed: behind the link that led here */
	if (!entry_has_room(s, entry, ENTRY_HEAD + entry_key_size(info)))
		return -EUCLEAN;
	copy_out(key, entry->bytes, entry_key_size(info));
	*out = ref_make(place, table_query_entry(s, load_relaxed(&entry->owner), info, key).order);
	return 0;
}

int table_bucket_next(const struct segment *s, ref_t ref, ref_t *out)
{
	place_t bucket = ref_place(ref);
	int err = 0;

	/* relaxed: it was raised before the bucket was linked */
	if (bucket >= s->buckets_max || bucket >= load_relaxed(&s->header->buckets))
		return -EUCLEAN;
	*out = table_load(&s->buckets[bucket]);
	if (caa_unlikely(*out & REF_CLAIM))
		err = table_unclaim(s, *out, out);
	return err;
}

void table_first(const struct segment *s, order_t from, order_t until, struct table_walk *walk)
{
	uint64_t *bucket;

	walk->until = until;
	walk->last = 0;
	walk->hops = 0;
	walk->lost = !table_bucket(s, order_hash(from), &bucket, &walk->at);
}

int table_next(const struct segment *s, const struct life_table *lives, struct table_walk *walk,
	       struct found *out, order_t *order)
{
	ref_t next;

	for (; !walk->lost && !table_is_lost(s, walk->hops); walk->hops++, walk->at = next) {
		ref_t at = walk->at;
		struct entry *entry;
		bool live;

		if (ref_is_end(at) || order_is_before(walk->until, ref_order(at)))
			return -ENOENT;
		if (order_is_before(ref_order(at), walk->last))
			return -EUCLEAN;
		walk->last = ref_order(at);
		if (!order_is_entry(ref_order(at))) {
			if (table_bucket_next(s, at, &next))
				return -EUCLEAN;
			continue;
		}
		entry = segment_entry(s, ref_place(at));
		if (!entry)
			return -EUCLEAN;
		next = table_load(&entry->next);
		live = entry_is_live(lives, entry, next, out);
		if (!live)
			continue;
		out->info = load_relaxed(&entry->info); /* relaxed: behind the link */
		out->place = ref_place(at);
		*order = ref_order(at);
		walk->at = next;
		walk->hops++;
		return 0;
	}
	return -EUCLEAN;
}

int table_find_next(const struct segment *s, const struct life_table *lives, const struct query *q,
		    place_t after, struct found *out)
{
	struct table_walk walk;
	order_t order;
	int err;

	table_first(s, q->order, q->order, &walk);
	while (!(err = table_next(s, lives, &walk, out, &order))) {
		if (order != q->order || (q->owner && out->owner != q->owner) ||
		    !entry_is_of(out->info, q->kinds) ||
		    !entry_has_key(s, out->entry, out->info, q->key, q->key_size))
			continue;
		if (!after)
			return 0;
		if (after == out->place)
			after = 0;
	}
	return err;
}
