/* SPDX-License-Identifier: MIT */
/* Renewing the look; look.h says what it is. */
#include "shm/look.h"

void look_renew(const struct segment *s)
{
	/* Private memory, which callers hold as const; its words are made for this. */
	struct segment_look *look = (struct segment_look *)&s->look;
	uint64_t epoch = grace_peek(s), mask;
	/*
	 * ORD[look_renew:B] acquire: as index_probe:A; pairs with table_grow:A, unindex:A
	 */
	uint64_t buckets = load_acquire(&s->header->buckets);

	/* relaxed: a bound of this process's own */
	store_relaxed(&look->lines_of_land,
		      load_relaxed(&s->view->slabs) * (uint32_t)(SLAB_BYTES / LINE_BYTES));
	store_relaxed(&look->rows, s->lives ? segment_rows(s) : 0); /* relaxed: as above */
	if (!s->lines || !segment_buckets_can_be(s, buckets))
		return;
	/* relaxed: as above */
	if (buckets > load_relaxed(&s->view->lines) && segment_see_buckets(s) < buckets)
		return;
	mask = load_relaxed(&look->mask); /* relaxed: the CAS looks again */
	/* relaxed: the epoch below has the order */
	while (mask < buckets - 1 && !cas_relaxed(&look->mask, &mask, buckets - 1))
		;
	/* ORD[look_renew:A] release: the mask, then the epoch; pairs with look_begin:A */
	store_release(&look->epoch, epoch);
}
