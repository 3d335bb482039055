/* SPDX-License-Identifier: MIT */
/*
 * The index: what its lines say agrees with the list.
 *
 * Two things would make a lookup wrong, and both are looked for from their own side: a living
 * name without a cell in a line that says to be complete, and a cell without LOOK of an entry
 * that does not hold its name. Each is a fault only if it held around the whole look at it:
 * the line's control word and the number of buckets are the same afterwards, or the cell is,
 * and the entry still counts. All else, such as the cell of an entry that has ended, is a
 * state that a killed process leaves.
 */
#include <errno.h>

#include "shm/check_look.h"
#include "shm/index.h"
#include "shm/query.h"

static uint64_t buckets_used(const struct look *look)
{
	/*
	 * ORD[look_index:A] acquire: the number, then the lines; pairs with table_grow:A
	 */
	uint64_t word = load_acquire(&look->s->header->buckets);

	/* Otherwise lookups do not use it; more than look->buckets may not be mapped. */
	return look->s->lines && word && word <= look->buckets ? word : 0;
}

bool look_has_cell(const struct look *look, const struct entry *entry, place_t place, order_t order)
{
	uint64_t buckets = buckets_used(look), control;
	const struct index_line *line;
	uint32_t i;

	if (!buckets)
		return true;
	line = &look->s->lines[order_hash(order) & (uint32_t)(buckets - 1)];
	/* ORD[look_has_cell:A] acquire: as index_probe:B; pairs with bump:A, complete:A */
	control = load_acquire(&line->control);
	if (!(control & INDEX_COMPLETE))
		return true;
	for (i = 0; i < INDEX_CELLS; i++) {
		/* relaxed: only that it is there */
		if ((load_relaxed(&line->cells[i]) & ~CELL_LOOK) == ref_make(place, order))
			return true;
	}
	/* ORD[look_has_cell:B] acquire: as index_probe:D; pairs with bump:A */
	fence_acquire();
	/* relaxed: behind the fence */
	return load_relaxed(&line->control) != control || buckets_used(look) != buckets ||
	       table_load(&entry->next) & REF_MARK ||
	       /* relaxed: as above */
	       !life_word_is_alive(look->lives, load_relaxed(&entry->owner));
}

/* Whether the entry at @place is the first living name of its key. Wrong in a peek that fails. */
static bool is_first(const struct look *look, const struct entry *entry, uint64_t info,
		     order_t order, place_t place)
{
	unsigned char key[256];
	struct table_walk walk;
	struct found first;
	struct query q;

	if (entry_kind(info) != ENTRY_NAME || entry_is_replaceable(info) ||
	    !entry_has_room(look->s, entry, ENTRY_HEAD + entry_key_size(info)))
		return false;
	copy_out(key, entry->bytes, entry_key_size(info));
	q = table_query(look->s, key, entry_key_size(info));
	q.kinds = KINDS_OF_NAMES;
	if (q.order != order)
		return false;
	table_line(look->s, &q, &walk);
	return !table_line_next(look->s, look->lives, &q, &walk, &first) && first.place == place;
}

/* Within one peek: whether @cell is sound, or may be. */
static bool cell_is_sound(const struct look *look, const uint64_t *at, uint64_t cell)
{
	const struct entry *entry = segment_entry(look->s, ref_place(cell));
	uint64_t info;

	if (!entry)
		return false;
	info = load_relaxed(&entry->info); /* relaxed: behind the cell */
	return is_first(look, entry, info, ref_order(cell), ref_place(cell)) ||
	       table_load(&entry->next) & REF_MARK ||
	       /* relaxed: as above */
	       !life_word_is_alive(look->lives, load_relaxed(&entry->owner)) ||
	       /* ORD[look_cell:B] acquire: the entry, then the cell; pairs with cell_cas:A */
	       load_acquire(at) != cell;
}

static void look_cell(struct look *look, uint32_t number, uint32_t which)
{
	const uint64_t *at = &look->s->lines[number].cells[which];
	uint64_t cell, epoch, buckets;
	bool sound = true;
	int tries;

	for (tries = 0; tries < LOOK_TRIES; tries++) {
		epoch = grace_peek(look->s);
		buckets = buckets_used(look);
		/* ORD[look_cell:A] acquire: the cell, then the entry; pairs with cell_cas:A */
		cell = load_acquire(at);
		if (!cell || cell & CELL_LOOK || number >= buckets ||
		    index_cell_is_idle(cell, number, buckets))
			return;
		sound = cell_is_sound(look, at, cell);
		if (grace_peek_held(look->s, epoch))
			break;
	}
	look->torn |= tries == LOOK_TRIES;
	if (tries < LOOK_TRIES && !sound)
		look_fault(
			look, FAULT_CELL, number, cell,
			"index line %u: word %#llx leads lookups to line %u, which does not hold "
			"that name; " LOOK_DAMAGED,
			number, (unsigned long long)cell, ref_place(cell));
}

void look_index(struct look *look)
{
	uint64_t buckets = buckets_used(look), number;
	uint32_t i;

	for (number = 0; number < buckets; number++) {
		for (i = 0; i < INDEX_CELLS; i++)
			look_cell(look, (uint32_t)number, i);
	}
}
