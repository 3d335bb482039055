/* SPDX-License-Identifier: MIT */
/*
 * The list of a registry that has no entries.
 */
#include <stdlib.h>

#include "lib/handle/handle.h"
#include "tests/torture/engine.h"

/* Only a list of buckets may be left, with each bucket once, in order. */
static const char *list_fault(const struct segment *s, unsigned char *seen, uint64_t buckets)
{
	ref_t at = table_load(&s->buckets[0]);
	order_t last = 0;
	uint64_t i;

	while (!ref_is_end(at)) {
		place_t bucket = ref_place(at);

		if (order_is_entry(ref_order(at)))
			return "an entry is left in the list";
		if (bucket >= buckets || ref_order(at) != order_of_bucket(bucket))
			return "a bucket has another's order";
		if (!order_is_before(last, ref_order(at)))
			return "the list is not sorted";
		last = ref_order(at);
		seen[bucket] = 1;
		at = table_load(&s->buckets[bucket]);
		if (at == REF_NONE || ((at & REF_CLAIM) && table_unclaim(s, at, &at)))
			return "a bucket in the list leads nowhere";
	}
	for (i = 1; i < buckets; i++) {
		at = table_load(&s->buckets[i]);
		if (at != REF_NONE && !(at & REF_CLAIM) && !seen[i])
			return "a bucket is linked, and not in the list";
	}
	return NULL;
}

const char *torture_list_fault(struct kreg *k)
{
	uint64_t buckets = segment_see_buckets(&k->segment);
	unsigned char *seen = calloc(1, buckets);
	const char *fault = seen ? list_fault(&k->segment, seen, buckets) : "no memory";

	free(seen);
	return fault;
}
