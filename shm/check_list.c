/* SPDX-License-Identifier: MIT */
/*
 * The list, a bucket's part at a time: from a bucket to the next one that the list leads to. Each part is one
 * peek, repeated if it was overtaken. So a check can go through a large list that others are changing, where
 * one peek of the whole would never hold.
 *
 * What is asked of an entry is asked within the peek and kept with its place; it counts when the peek has
 * held.
 */
#include <errno.h>
#include <stdlib.h>

#include "shm/check_look.h"
#include "shm/gift.h"
#include "shm/heap.h"
#include "shm/row.h"
#include "shm/query.h"

#define PEEK_TRIES 256
/* Entries of one order that are compared by key. */
#define SAME_KEY_MAX 64u

struct item {
	place_t place;
	order_t order;
	owner_t owner;
	uint64_t info;
	uint64_t slab; /* the word of the slab that it is in */
	bool live;
	enum fault_kind fault;
};

struct items {
	struct item *of;
	uint64_t count, size;
};

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

/* Whether the block begins where its slab is cut, and holds what the entry says. */
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

/* Whether a value that lies elsewhere is a block of values of the same owner. */
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
	about = land_about(s, slab);
	bytes = (uint32_t)about;
	if (about >> 32 || bytes < LINE_BYTES || bytes > SLAB_BYTES ||
	    (place - segment_slab_place(s, slab)) * LINE_BYTES % bytes)
		return false;
	if (size > bytes && bytes != SLAB_BYTES)
		return false;
	for (i = 0; i <= (size ? size - 1 : 0) / SLAB_BYTES; i++) {
		if (land_owner(s, slab + i) != item->slab)
			return false;
	}
	return true;
}

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

/* The same name of the same owner, a few entries before. */
static bool is_twice(const struct look *look, const struct items *items, const struct item *item,
		     const unsigned char *key)
{
	uint64_t i = items->count;

	if (!look->s->unique || !item->live || !entry_is_of(item->info, KINDS_OF_NAMES))
		return false;
	while (i && items->count - i < SAME_KEY_MAX && items->of[i - 1].order == item->order) {
		const struct item *other = &items->of[--i];

		if (other->live && other->owner == item->owner &&
		    entry_is_of(other->info, KINDS_OF_NAMES) &&
		    entry_has_key(look->s, segment_entry(look->s, other->place), other->info, key,
				  entry_key_size(item->info)))
			return true;
	}
	return false;
}

static enum fault_kind fault_of(const struct look *look, const struct items *items,
				const struct item *item, const struct entry *entry)
{
	unsigned char key[256];

	if (!entry_is_of(item->info, KINDS_USED) || !entry_key_size(item->info) ||
	    !is_cut(look, item->place, item->info))
		return FAULT_CUT;
	copy_out(key, entry->bytes, entry_key_size(item->info));
	if (table_query_entry(look->s, item->owner, item->info, key).order != item->order)
		return FAULT_KEY;
	if (!slab_is_sound(look, item))
		return FAULT_SLAB;
	if (item->live && !row_is_members(look->s, look->lives, item->owner))
		return FAULT_STRANGER;
	if (item->live && !value_is_sound(look, item))
		return FAULT_VALUE;
	return is_twice(look, items, item, key) ? FAULT_LINE : FAULT_NONE;
}

/* *next is its link. */
static int look_entry(const struct look *look, struct items *items, ref_t at, struct entry *entry,
		      ref_t *next)
{
	struct item item = { .place = ref_place(at), .order = ref_order(at) };
	struct found found;

	*next = table_load(&entry->next);
	item.info = load_relaxed(&entry->info); /* relaxed: behind the link */
	item.live = entry_is_live(look->lives, entry, *next, &found);
	/* relaxed: behind the link */
	item.owner = owner_without_image(load_relaxed(&entry->owner));
	item.slab = land_owner(look->s, segment_slab_of(look->s, item.place));
	item.fault = fault_of(look, items, &item, entry);
	return items_add(items, &item);
}

/*
 * From @bucket's link to the next bucket's, *end, or to the end. 0; -ENOMEM; -EUCLEAN: the list cannot be
 * followed from *end on.
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
	for (hops = 1, trail = REF_NONE; !table_is_lost(look->s, hops); hops++, at = next) {
		struct entry *entry;

		*end = at & ~REF_MARK;
		if (ref_is_end(at))
			return 0;
		order = ref_order(at);
		/* Within one order nothing but a circle leads back: a place that comes again. */
		if (order_is_before(order, last) || *end == trail)
			return -EUCLEAN;
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
		[FAULT_CUT] = "is no block of its slab, or does not fit into one",
		[FAULT_KEY] = "is not at the place of its key",
		[FAULT_VALUE] = "has a value outside of its owner's memory",
		[FAULT_STRANGER] = "is not that process's, which has never opened the registry",
		[FAULT_SLAB] = "is linked, and lies in memory that is not its owner's",
	};

	if (item->fault == FAULT_LINE)
		look_fault(look, FAULT_LINE, item->place, item->owner,
			   "entry at line %u: process %u is twice in the line for one name; that "
			   "ends when "
			   "it unregisters the name or ends",
			   item->place, look_pid(look, item->owner));
	else if (item->fault)
		look_fault(look, item->fault, item->place, item->info,
			   "entry at line %u of process %u %s; " LOOK_DAMAGED, item->place,
			   look_pid(look, item->owner), words[item->fault]);
}

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

/* The peek has held. */
static void keep_part(struct look *look, struct items *items)
{
	uint64_t i;

	for (i = 0; i < items->count; i++) {
		struct item *item = &items->of[i];
		uint64_t line = item->place - look->s->land_place;

		if (line < (uint64_t)look->slabs * (SLAB_BYTES / LINE_BYTES)) {
			if (bit_is_set(look->lines, line))
				item->fault = FAULT_TWICE;
			bit_set(look->lines, line);
		}
		say_item(look, item);
		count_item(look, item);
	}
}

static int look_part_held(struct look *look, ref_t bucket, struct items *items, ref_t *end)
{
	int tries, err;

	for (tries = 0; tries < PEEK_TRIES; tries++) {
		uint64_t epoch = grace_peek(look->s);

		err = look_part(look, bucket, items, end);
		if (err == -ENOMEM || grace_peek_held(look->s, epoch))
			return err;
	}
	return -EAGAIN;
}

static void look_reached(struct look *look)
{
	uint64_t bucket;

	for (bucket = 0; bucket < look->buckets; bucket++) {
		if (bit_is_set(look->linked, bucket) && !bit_is_set(look->reached, bucket))
			look_fault(look, FAULT_BUCKET, bucket, 0,
				   "bucket %llu is in use, and the list does not lead to "
				   "it; " LOOK_DAMAGED,
				   (unsigned long long)bucket);
	}
}

int look_list(struct look *look)
{
	ref_t at = ref_make(0, order_of_bucket(0)), end = at;
	struct items items = { 0 };
	int err = look->buckets ? 0 : -EUCLEAN;

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
			   "list: what follows bucket %u cannot be followed beyond the word "
			   "%#llx; " LOOK_DAMAGED,
			   ref_place(at), (unsigned long long)end);
	look->torn |= err == -EAGAIN;
	return err == -ENOMEM ? err : 0;
}
