/* SPDX-License-Identifier: MIT */
/*
 * The CAS of a link, and the words of buckets, claimed or not.
 *
 * A claim in a bucket's word has what its link will be, with the claimant in the bits
 * of the order (table_grow.c). So the order of the target has to be computed from its
 * key here.
 *
 *   killed, stopped or exec here           what is left
 *   after the hazards were stored          they are void with the owner's death; of a stopped
 *                                          thread they keep two blocks from being reused
 *   between the check and the CAS          the same; the late CAS is still right, or fails
 */
#include "shm/table_link.h"

#include <errno.h>

#include "shm/query.h"

bool table_cas(uint64_t *link, ref_t *seen, ref_t next)
{
	/*
	 * ORD[table_cas:A] acq_rel: what is in the entry, then the link to it; pairs with
	 * table_load:A, lookup_has_key:A
	 */
	return cas_acq_rel(link, seen, next);
}

/*
 * The hazards are stored before the check, and the check comes before the CAS: an
 * expulsion that the check does not see is followed by a fence, after which every
 * reclaimer sees the hazards. Without HAZARD_LINK the word could belong to another
 * entry by the time of the CAS; without HAZARD_NEXT it could lead to the same place
 * with another entry in it (ABA).
 */
bool table_cas_in(const struct writer *w, place_t in, uint64_t *link, ref_t *seen, ref_t next)
{
	grace_name(w, HAZARD_LINK, in);
	return grace_protect(w, HAZARD_NEXT,
			     order_is_entry(ref_order(*seen)) ? ref_place(*seen) : 0) &&
	       table_cas(link, seen, next);
}

/*
 * The entry that a claim leads to is not cleared away while the claim stands, so its
 * key can be read; but any process may have damaged it, so its size is checked. The
 * order depends on the partition, that is on the owner, too.
 */
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

	/* The number of buckets is raised before any of the new ones is linked. */
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
