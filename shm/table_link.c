/* SPDX-License-Identifier: MIT */
/*
 * A CAS of a link of others names by hazards what it relies on (grace.c). A claim in a bucket's word is what its link
 * will be, with the claimant in the place of the order (table_grow.c).
 */
#include "shm/table_link.h"

#include <errno.h>

#include "shm/query.h"

bool table_cas(uint64_t *link, ref_t *seen, ref_t next)
{
	/*
	 * ORD[table_cas:A] acq_rel: what is in the entry, then the link to it; pairs with
	 * table_load:A
	 */
	return cas_acq_rel(link, seen, next);
}

bool table_cas_in(const struct writer *w, place_t in, uint64_t *link, ref_t *seen, ref_t next)
{
	grace_name(w, HAZARD_LINK, in);
	return grace_protect(w, HAZARD_NEXT,
			     order_is_entry(ref_order(*seen)) ? ref_place(*seen) : 0) &&
	       table_cas(link, seen, next);
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
		return segment_fault(s);
	info = load_relaxed(&entry->info); /* relaxed: behind the link that led here */
	if (!entry_has_room(s, entry, ENTRY_HEAD + entry_key_size(info)))
		return -EUCLEAN;
	copy_out(key, entry->bytes, entry_key_size(info));
	*out = ref_make(place, table_query_entry(s, load_relaxed(&entry->owner), info, key).order);
	return 0;
}

uint64_t *table_bucket_link(const struct segment *s, ref_t ref)
{
	place_t bucket = ref_place(ref);

	/* It was raised before the bucket was linked. */
	if (bucket >= segment_buckets(s))
		return NULL;
	return &s->buckets[bucket];
}

int table_bucket_next(const struct segment *s, ref_t ref, ref_t *out)
{
	const uint64_t *link = table_bucket_link(s, ref);
	int err = 0;

	if (!link)
		return -EUCLEAN;
	*out = table_load(link);
	if (caa_unlikely(*out & REF_CLAIM))
		err = table_unclaim(s, *out, out);
	return err;
}
