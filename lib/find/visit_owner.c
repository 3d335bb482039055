/* SPDX-License-Identifier: MIT */
/*
 * Visits of one owner's entries: from its slabs to the orders of its entries, and then
 * along the list.
 *
 * An update keeps the place in the list, but moves the entry in memory. So slabs only
 * show which orders to visit. A writer counts a move in its row before it replaces an
 * entry: if the count has not changed while the slabs were read, no order is missing. The
 * list shows each entry once.
 */
#include <errno.h>

#include "lib/find/orders.h"
#include "lib/find/visit.h"
#include "shm/gift.h"
#include "shm/row.h"
#include "shm/query.h"

/* After reading the slabs this often, all entries of the registry are visited instead. */
#define OWNER_TRIES 8

/*
 * Adds the orders of @owner's entries in @slab. An entry that is not in the list does no
 * harm.
 */
static int slab_orders(const struct visit *v, owner_t owner, uint32_t slab, struct orders *orders)
{
	const struct segment *s = &v->k->segment;
	struct heap_cut cut = heap_cut_of_slab(s, slab);
	place_t place = segment_slab_place(s, slab);
	unsigned char key[256];
	uint32_t i;
	int err = 0;

	for (i = 0; i < cut.blocks && !err; i++, place += cut.bytes / LINE_BYTES) {
		const struct entry *entry = segment_at(s, place, cut.bytes);
		uint64_t info;
		struct query q;

		if (!entry)
			return -EUCLEAN;
		info = load_relaxed(&entry->info); /* relaxed: a hint; the list decides */
		if (!entry_is_of(info, visit_kinds(v)) ||
		    ENTRY_HEAD + entry_key_size(info) > cut.bytes ||
		    /* relaxed: as above */
		    owner_without_image(load_relaxed(&entry->owner)) != owner)
			continue;
		copy_out(key, entry->bytes, entry_key_size(info));
		q = table_query_entry(s, owner, info, key);
		err = orders_add(orders, q.order);
	}
	return err;
}

/* -EAGAIN: entries moved during each attempt, so one may have been missed. */
static int owner_orders(const struct visit *v, owner_t owner, struct orders *orders)
{
	const struct segment *s = &v->k->segment;
	uint32_t slab, slabs;
	uint64_t moves;
	int err = 0, tries;

	for (tries = 0; tries < OWNER_TRIES && !err; tries++) {
		orders->count = 0;
		moves = row_moves(s, owner);
		slabs = land_slabs(s);
		for (slab = 0; slab < slabs && !err; slab++) {
			if (land_owner(s, slab) == owner || gift_in(s, slab))
				err = slab_orders(v, owner, slab, orders);
		}
		if (err || row_moves(s, owner) == moves) {
			orders_sort(orders);
			return err;
		}
	}
	return -EAGAIN;
}

int visit_owner(const struct visit *v, owner_t owner)
{
	struct orders orders = { 0 };
	int err;

	if (owner_seat(owner) >= v->k->segment.seats)
		return 0;
	err = segment_is_whole(&v->k->segment) ? owner_orders(v, owner, &orders) : -EAGAIN;
	if (err == -EAGAIN)
		err = visit_all(v);
	else
		err = visit_set(v, &orders);
	orders_free(&orders);
	return err;
}
