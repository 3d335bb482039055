/* SPDX-License-Identifier: MIT */
/*
 * The list, one bucket's part at a time: from a bucket to the next one that the list
 * leads to.
 *
 * Each part is walked under one peek and repeated if that was overtaken. So a check gets
 * through a large list that others are changing, where one peek of the whole would never
 * hold.
 *
 * Everything about an entry is read within the peek and kept with its place; it counts
 * only when the peek has held. Before that it may be of a block that was reused.
 */
#include <errno.h>
#include <stdlib.h>

#include "shm/check_look.h"
#include "shm/gift.h"
#include "shm/heap.h"
#include "shm/row.h"
#include "shm/query.h"

/* What was found about one entry, all within one peek. */
struct item {
	place_t place;
	order_t order;
	owner_t owner;
	uint64_t info;
	/* The word of the slab that it is in. */
	uint64_t slab;
	bool live;
	enum fault_kind fault;
};

/* The entries of one part, in the order of the list. Reused for the next part. */
struct items {
	struct item *of;
	uint64_t count, size;
};

/* -ENOMEM; @items is unchanged then. */
static int items_add(struct items *items, const struct item *item)
{
	if (items->count == items->size) {
		uint64_t size = items->size ? items->size * 2 : 256;
		struct item *of = realloc(items->of, size * sizeof(*of));

		if (!of)
			return -ENOMEM;
		items->of = of;
		items->size = size;
	}
	items->of[items->count++] = *item;
	return 0;
}

/*
 * Whether the block begins where its slab is cut, and is large enough for what the entry
 * says. Otherwise it overlaps another block, or a sweep would not find it.
 */
static bool is_cut(const struct look *look, place_t place, uint64_t info)
{
	const struct segment *s = look->s;
	uint32_t slab = segment_slab_of(s, place);
	struct heap_cut cut = heap_cut_of_slab(s, slab);
	uint64_t needed = ENTRY_HEAD + entry_key_size(info);
	uint32_t offset = (place - segment_slab_place(s, slab)) * LINE_BYTES;

	if (!entry_value_place(info))
		needed = entry_head(entry_key_size(info)) + (uint64_t)entry_value_size(info);
	return cut.blocks && !(offset % cut.bytes) && offset / cut.bytes < cut.blocks &&
	       needed <= cut.bytes;
}

/*
 * Whether a value that lies elsewhere is a block of values in slabs of the same owner. In
 * another's slab it would be reused while the entry still leads to it. Each slab's word
 * is compared with that of the entry's slab.
 */
static bool value_is_sound(const struct look *look, const struct item *item)
{
	const struct segment *s = look->s;
	place_t place = entry_value_place(item->info);
	uint32_t size = entry_value_size(item->info), slab, bytes, i;
	uint64_t about;

	if (!place)
		return true;
	if (!segment_at(s, place, size ? size : 1))
		return false;
	slab = segment_slab_of(s, place);
	if (entry_is_gift(item->info))
		return place == item->place + SLAB_BYTES / LINE_BYTES &&
		       gift_has_value(s, slab, (size + SLAB_BYTES - 1) / SLAB_BYTES);
	about = land_about(s, slab);
	bytes = (uint32_t)about;
	/*
	 * A slab of entries, or of impossible blocks, or not at the beginning of a block.
	 */
	if (about >> 32 || bytes < LINE_BYTES || bytes > SLAB_BYTES ||
	    (place - segment_slab_place(s, slab)) * LINE_BYTES % bytes)
		return false;
	/* Only blocks of whole slabs may go on into the next slab. */
	if (size > bytes && bytes != SLAB_BYTES)
		return false;
	for (i = 0; i <= (size ? size - 1 : 0) / SLAB_BYTES; i++) {
		if (land_owner(s, slab + i) != item->slab)
			return false;
	}
	return true;
}

/*
 * Whether the entry's memory is its owner's: reused while it is linked, the list would
 * lead into another entry. Of a dead entry only that the slab is neither free nor
 * retired: it stays the dead's until its entries are out of the list.
 */
static bool slab_is_sound(const struct look *look, const struct item *item)
{
	uint64_t word = item->slab;

	if (!word || land_is_retired(word))
		return false;
	if (!item->live)
		return true;
	if (entry_is_gift(item->info))
		return gift_in(look->s, segment_slab_of(look->s, item->place)) == item->place;
	return word == item->owner;
}

/*
 * The first fault of an entry. The order matters: what comes later relies on what was
 * checked before, e.g. the key is read only from a block that holds it.
 */
static enum fault_kind fault_of(const struct look *look, const struct item *item,
				const struct entry *entry)
{
	unsigned char key[256];
	struct query q;

	if (!entry_is_of(item->info, KINDS_USED) || !entry_key_size(item->info) ||
	    !is_cut(look, item->place, item->info))
		return FAULT_CUT;
	copy_out(key, entry->bytes, entry_key_size(item->info));
	q = table_query_entry(look->s, item->owner, item->info, key);
	if (q.order != item->order)
		return FAULT_KEY;
	if (!slab_is_sound(look, item))
		return FAULT_SLAB;
	if (item->live && !row_is_members(look->s, look->lives, item->owner))
		return FAULT_STRANGER;
	if (item->live && !value_is_sound(look, item))
		return FAULT_VALUE;
	if (item->live && entry_flags(item->info) & ENTRY_DROP && !entry_is_dropped(item->info))
		return FAULT_FLAGS;
	if (item->live && entry_is_of(item->info, KINDS_OF_NAMES) &&
	    !look_has_cell(look, entry, item->place, item->order))
		return FAULT_UNINDEXED;
	if (item->live && !look_is_grouped(look, &q, entry, item->place))
		return FAULT_UNGROUPED;
	return FAULT_NONE;
}

/* Reads one entry into @items; *next becomes its link. -ENOMEM. */
static int look_entry(const struct look *look, struct items *items, ref_t at, struct entry *entry,
		      ref_t *next)
{
	struct item item = { .place = ref_place(at), .order = ref_order(at) };
	struct found found;

	*next = table_load(&entry->next);
	/* relaxed: behind the link */
	item.info = load_relaxed(&entry->info); /* relaxed: behind the link */
	item.live = entry_is_live(look->lives, entry, *next, &found);
	/* relaxed: behind the link */
	item.owner = owner_without_image(load_relaxed(&entry->owner));
	item.slab = land_owner(look->s, segment_slab_of(look->s, item.place));
	item.fault = fault_of(look, &item, entry);
	return items_add(items, &item);
}

/*
 * Walks from @bucket's link to the next bucket, *end, or to the list's end. 0; -ENOMEM;
 * -EUCLEAN: the list cannot be followed beyond *end. Whether that is damage is known only
 * when the peek has held.
 */
static int look_part(const struct look *look, ref_t bucket, struct items *items, ref_t *end)
{
	order_t order, last = ref_order(bucket);
	uint64_t hops, limit = 1;
	ref_t at, trail, next;
	int err;

	items->count = 0;
	*end = bucket;
	if (table_bucket_next(look->s, bucket, &at))
		return -EUCLEAN;
	/*
	 * Terminates whatever the links hold: orders must not go down, and within one
	 * order a place that comes again is a circle, which is found by a trail that is
	 * moved at each power of two (R. P. Brent, 1980).
	 */
	for (hops = 1, trail = REF_NONE; !table_is_lost(look->s, hops); hops++, at = next) {
		struct entry *entry;

		*end = at & ~REF_MARK;
		if (ref_is_end(at))
			return 0;
		order = ref_order(at);
		/* Within one order only a circle leads back. */
		if (order_is_before(order, last) || *end == trail)
			return -EUCLEAN;
		/*
		 * The next bucket. Its number is its order; any other link here is
		 * damage.
		 */
		if (!order_is_entry(order))
			return ref_place(at) == order && order != last ? 0 : -EUCLEAN;
		entry = segment_entry(look->s, ref_place(at));
		if (!entry)
			return -EUCLEAN;
		err = look_entry(look, items, at, entry, &next);
		if (err)
			return err;
		last = order;
		if (hops == limit) {
			trail = *end;
			limit *= 2;
		}
	}
	return -EUCLEAN;
}

static void say_item(struct look *look, const struct item *item)
{
	static const char *const words[] = {
		[FAULT_TWICE] = "is in two places of the list",
		[FAULT_CUT] = "is not a block of its slab, or does not fit into one",
		[FAULT_KEY] = "is not at the place of its key",
		[FAULT_VALUE] = "has a value outside of its owner's memory",
		[FAULT_FLAGS] =
			"is to be dropped by a take-over, and is not replaceable, or lies in "
			"its owner's memory",
		[FAULT_STRANGER] =
			"is not owned by that process, which has never opened the registry",
		[FAULT_SLAB] = "is linked, and lies in memory that is not its owner's",
		[FAULT_UNINDEXED] = "is linked, and lookups do not find it in the index",
		[FAULT_UNGROUPED] = "is linked, and listings by its first bytes do not find it",
	};

	if (item->fault)
		look_fault(look, item->fault, item->place, item->info,
			   "entry at line %u of process %u %s; " LOOK_DAMAGED, item->place,
			   look_pid(look, item->owner), words[item->fault]);
}

/*
 * Counts a live entry for its owner, for the comparison with the row. An owner that took
 * its seat during the look is left out: its row was copied before.
 */
static void count_item(struct look *look, const struct item *item)
{
	struct look_seat *seat = &look->seats[owner_seat(item->owner)];

	if (!item->live)
		return;
	if (entry_is_gift(item->info))
		look->gifts++;
	else if (owner_seat(item->owner) >= look->s->seats || seat->owner != item->owner)
		return;
	else if (entry_kind(item->info) == ENTRY_NAME)
		seat->names_found++;
	else if (entry_kind(item->info) == ENTRY_RESERVED)
		seat->held_found++;
	else
		seat->locks_found++;
}

/* Its bit in look->lines; what lies beyond the land as it was at the beginning has none. */
static bool has_line(const struct look *look, const struct item *item, uint64_t *line)
{
	*line = item->place - look->s->land_place;
	return *line < (uint64_t)look->slabs * (SLAB_BYTES / LINE_BYTES);
}

/*
 * Blocks that two places of one part lead to. Parts have no bits in common: a block of an earlier
 * one may have been freed and used again since. Nor do they need to: places of two parts are of two
 * orders, and one of these is not that of the block's key, which is FAULT_KEY.
 */
static void find_twice(struct look *look, struct items *items)
{
	uint64_t i, line;

	for (i = 0; i < items->count; i++) {
		if (!has_line(look, &items->of[i], &line))
			continue;
		if (bit_is_set(look->lines, line))
			items->of[i].fault = FAULT_TWICE;
		bit_set(look->lines, line);
	}
	for (i = 0; i < items->count; i++) {
		if (has_line(look, &items->of[i], &line))
			bit_clear(look->lines, line);
	}
}

/* After the peek has held: reports the faults of @items and counts them. */
static void keep_part(struct look *look, struct items *items)
{
	uint64_t i;

	find_twice(look, items);
	for (i = 0; i < items->count; i++) {
		say_item(look, &items->of[i]);
		count_item(look, &items->of[i]);
	}
}

/*
 * Repeats a part until its peek has held. -EAGAIN: it never did. -ENOMEM is returned at
 * once, as it is no property of the list.
 */
static int look_part_held(struct look *look, ref_t bucket, struct items *items, ref_t *end)
{
	int tries, err;

	for (tries = 0; tries < LOOK_TRIES; tries++) {
		uint64_t epoch = grace_peek(look->s);

		err = look_part(look, bucket, items, end);
		if (err == -ENOMEM || grace_peek_held(look->s, epoch))
			return err;
	}
	return -EAGAIN;
}

/*
 * After a complete walk: a bucket that was linked before it, and that the list does not
 * lead to, sends searches into a list of its own, which misses entries.
 */
static void look_reached(struct look *look)
{
	uint64_t bucket;

	for (bucket = 0; bucket < look->buckets; bucket++) {
		if (bit_is_set(look->linked, bucket) && !bit_is_set(look->reached, bucket))
			look_fault(look, FAULT_BUCKET, bucket, 0,
				   "bucket %llu is in use, but the list does not lead to "
				   "it; " LOOK_DAMAGED,
				   (unsigned long long)bucket);
	}
}

/*
 * Walks part by part. A list that cannot be followed is reported as one fault and ends
 * the walk; look->complete stays false then, so that counts are not compared.
 */
int look_list(struct look *look)
{
	ref_t at = ref_make(0, order_of_bucket(0)), end = at;
	struct items items = { 0 };
	int err = look->buckets ? 0 : -EUCLEAN;

	/*
	 * The bucket is marked before its part is walked: *end of the part before has led
	 * to it.
	 */
	while (!err) {
		if (ref_place(at) < look->buckets)
			bit_set(look->reached, ref_place(at));
		err = look_part_held(look, at, &items, &end);
		if (err)
			break;
		keep_part(look, &items);
		if (ref_is_end(end)) {
			look->complete = true;
			look_reached(look);
			break;
		}
		at = end;
	}
	free(items.of);
	if (err == -EUCLEAN)
		look_fault(look, FAULT_LINK, at, end,
			   "list: the part from bucket %u on cannot be followed beyond word "
			   "%#llx; " LOOK_DAMAGED,
			   ref_place(at), (unsigned long long)end);
	look->torn |= err == -EAGAIN;
	return err == -ENOMEM ? err : 0;
}
