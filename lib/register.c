/* SPDX-License-Identifier: MIT */
/*
 * Register and unregister.
 *
 *   step of kreg_register()                 killed here
 *   a block is taken and filled             the slab is the dead's, the entry in no list
 *   linked, by one CAS: registered          absent, because its owner is dead
 *   counted in the row                      the row is void
 *   tidying: grow, sweep, collect           as each of them says
 */
#include <errno.h>
#include <string.h>

#include "lib/handle.h"
#include "shm/table_search.h"
#include "shm/row.h"
#include "shm/sweep.h"

/* Entries up to this size hold their value; a larger one is a block of its own. */
#define ENTRY_INLINE_MAX 512u
/* So many in front of a new entry make us ask whether the table is too small. */
#define CROWDED 3u
#define SWEEP_SLABS 4u

struct blocks {
	place_t entry;
	place_t value; /* 0: behind the key */
};

/* With the dead swept and a few grace periods, there may be room after all. */
static int block_take(struct kreg *k, uint32_t bytes, bool of_entries, place_t *out)
{
	int err = heap_take(&k->heap, bytes, of_entries, out);

	if (err == -ENOSPC && handle_reclaim(k) >= 0)
		err = heap_take(&k->heap, bytes, of_entries, out);
	return err;
}

static void blocks_return(struct kreg *k, const struct blocks *blocks)
{
	if (blocks->value)
		heap_return(&k->heap, blocks->value);
	heap_return(&k->heap, blocks->entry);
}

static int blocks_take(struct kreg *k, uint32_t key_size, uint32_t value_size, struct blocks *out)
{
	uint32_t head = entry_head(key_size);
	bool is_inline = head + value_size <= ENTRY_INLINE_MAX;
	int err;

	out->value = 0;
	err = block_take(k, is_inline ? head + value_size : head, true, &out->entry);
	if (err || is_inline)
		return err;
	err = block_take(k, value_size, false, &out->value);
	if (err)
		heap_return(&k->heap, out->entry);
	return err;
}

static int blocks_fill(struct kreg *k, const struct blocks *blocks, const struct query *q,
		       const void *value, uint32_t value_size)
{
	struct segment *s = &k->segment;
	uint32_t head = entry_head(q->key_size);
	struct entry *entry =
		segment_at(s, blocks->entry, blocks->value ? head : head + value_size);
	void *target = blocks->value ? segment_at(s, blocks->value, value_size) : NULL;

	if (!entry || (blocks->value && !target))
		return -EUCLEAN;
	if (!target)
		target = (unsigned char *)entry + head;
	copy_in(entry->bytes, q->key, q->key_size);
	if (value_size)
		copy_in(target, value, value_size);
	/* relaxed: private until it is linked */
	store_relaxed(&entry->owner, k->self.owner);
	store_relaxed(&entry->info, /* relaxed: as above */
		      ENTRY_IN_USE << ENTRY_KIND_SHIFT |
			      (uint64_t)blocks->value << ENTRY_VALUE_PLACE_SHIFT |
			      (uint64_t)value_size << ENTRY_VALUE_SIZE_SHIFT | q->key_size);
	return 0;
}

/* Keeps the table wide enough and the dead from piling up. Inside the section. */
static uint64_t tidy(struct kreg *k, uint32_t crowded)
{
	struct segment *s = &k->segment;
	/* relaxed: a hint where to go on */
	uint32_t from = load_relaxed(&k->sweep_from);
	uint64_t swept;

	if (crowded >= CROWDED)
		table_grow(s, row_sum(s, &k->lives, NULL));
	table_prepare(s, &k->lives, k->self.owner);
	swept = sweep_some(s, &k->lives, k->self.owner, &from, SWEEP_SLABS);
	store_relaxed(&k->sweep_from, from); /* relaxed: as above */
	return swept;
}

/* Whether somebody has it already: then no block need be taken. */
static int taken(struct kreg *k, const struct query *q, struct kreg_owner *holder)
{
	struct found found;
	int err;

	if (!k->unique)
		return 0;
	do {
		err = table_find(&k->segment, &k->lives, q, &found);
		if (err)
			return err == -ENOENT ? 0 : err;
	} while (holder && !handle_owner(k, found.owner, found.life, holder));
	return -EEXIST;
}

/* What was unlinked waits for those who may still stand in it. */
static void blocks_retire(struct kreg *k, place_t place)
{
	struct entry *entry = segment_entry(&k->segment, place);
	place_t value;

	if (!entry)
		return;
	/* relaxed: our own entry */
	value = (load_relaxed(&entry->info) >> ENTRY_VALUE_PLACE_SHIFT) & PLACE_MAX;
	heap_retire(&k->heap, place);
	if (value)
		heap_retire(&k->heap, value);
}

/*
 * Whoever destroys or replaces the registry has either seen our count, or we see that now; then the
 * entry goes again.
 */
static int still_current(struct kreg *k, const struct query *q)
{
	place_t place;

	if (caa_likely(segment_is_current(&k->segment)))
		return 0;
	if (!table_unlink(&k->segment, &k->lives, k->self.owner, q, &place)) {
		row_add(&k->segment, k->self.owner, -1);
		blocks_retire(k, place);
	}
	return -ESHUTDOWN;
}

/* blocks->entry is 0 afterwards if the blocks are the table's. */
static int register_filled(struct kreg *k, const struct query *q, struct blocks *blocks,
			   struct kreg_owner *holder)
{
	place_t place = blocks->entry;
	struct thread *thread;
	struct found found;
	uint32_t crowded;
	uint64_t swept = 0;
	int err = handle_enter(k, &thread);

	if (err)
		return err;
	do {
		err = table_link(&k->segment, &k->lives, k->self.owner, q, place, k->unique, &found,
				 &crowded);
	} while (err == -EEXIST && holder && !handle_owner(k, found.owner, found.life, holder));
	if (!err) {
		row_add(&k->segment, k->self.owner, 1);
		swept = tidy(k, crowded);
		blocks->entry = 0;
		err = still_current(k, q);
	}
	handle_leave(thread);
	if (!err)
		handle_tidy(k, swept);
	return err;
}

int kreg_register(struct kreg *k, const void *key, size_t key_size, const void *value,
		  size_t value_size, struct kreg_owner *holder)
{
	struct thread *thread;
	struct blocks blocks;
	struct query q;
	int err;

	err = k && (value || !value_size) ? key_check(key, &key_size) : -EINVAL;
	if (err)
		return err;
	if (value_size > KREG_VALUE_MAX)
		return -EMSGSIZE;
	err = handle_enter(k, &thread);
	if (err)
		return err;
	q = table_query(&k->segment, key, key_size);
	err = taken(k, &q, holder);
	handle_leave(thread);
	if (err)
		return err;
	err = blocks_take(k, (uint32_t)key_size, (uint32_t)value_size, &blocks);
	if (err)
		return err;
	err = blocks_fill(k, &blocks, &q, value, (uint32_t)value_size);
	if (!err)
		err = register_filled(k, &q, &blocks, holder);
	if (err && blocks.entry)
		blocks_return(k, &blocks);
	return err;
}

int kreg_unregister(struct kreg *k, const void *key, size_t key_size)
{
	struct thread *thread;
	struct query q;
	place_t place;
	int err, count = 0;

	err = k ? key_check(key, &key_size) : -EINVAL;
	if (!err)
		err = handle_enter(k, &thread);
	if (err)
		return err;
	q = table_query(&k->segment, key, key_size);
	while (!(err = table_unlink(&k->segment, &k->lives, k->self.owner, &q, &place))) {
		row_add(&k->segment, k->self.owner, -1);
		blocks_retire(k, place);
		count++;
	}
	handle_leave(thread);
	if (count)
		handle_tidy(k, 0);
	return err == -ENOENT ? count : err;
}
