/* SPDX-License-Identifier: MIT */
/*
 * Visits: all entries, those of a key, those of an owner.
 *
 * A visit goes by batches. A batch is copied out under one peek, whole orders at a time, and handed to
 * the visitor when nothing can be overtaken any more; the next begins behind the last order. So an
 * entry that stays is visited once, whatever comes and goes around it, and the visitor may take its
 * time.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/handle.h"
#include "shm/table_search.h"
#include "shm/land.h"

#define BATCH_ENTRIES 64u

/* One entry of a batch; key and value follow it in the batch's bytes. */
struct copied {
	struct kreg_owner owner;
	uint32_t key_size;
	uint32_t value_size;
};

struct batch {
	unsigned char *bytes;
	size_t used, size;
	uint32_t entries;
	order_t from; /* where it begins */
	bool ended;   /* nothing comes behind it */
};

struct visit {
	struct kreg *k;
	const void *prefix; /* or the whole key */
	size_t prefix_size;
	bool whole;
	order_t until;
	owner_t owner; /* 0: any */
	kreg_visit_fn visit;
	void *data;
};

static unsigned char *batch_room(struct batch *batch, size_t bytes)
{
	size_t size = batch->size ? batch->size : 4096;
	unsigned char *grown;

	while (size < batch->used + bytes)
		size *= 2;
	if (size != batch->size) {
		grown = realloc(batch->bytes, size);
		if (!grown)
			return NULL;
		batch->bytes = grown;
		batch->size = size;
	}
	batch->used += bytes;
	return batch->bytes + batch->used - bytes;
}

static bool is_wanted(const struct visit *v, const struct found *found)
{
	size_t key_size = entry_key_size(found->info);

	if (v->owner && found->owner != v->owner)
		return false;
	if (key_size < v->prefix_size || (v->whole && key_size != v->prefix_size))
		return false;
	return entry_has_room(&v->k->segment, found->entry, ENTRY_HEAD + (uint32_t)key_size) &&
	       (!v->prefix_size || copy_equals(found->entry->bytes, v->prefix, v->prefix_size));
}

static int batch_add(const struct visit *v, struct batch *batch, const struct found *found)
{
	struct copied copied = { .key_size = entry_key_size(found->info) };
	const void *value =
		entry_value(&v->k->segment, found->entry, found->info, &copied.value_size);
	unsigned char *at;

	if (!value)
		return -EUCLEAN;
	if (!handle_owner(v->k, found->owner, found->life, &copied.owner))
		return 0;
	/* Rounded, so that the next head is aligned. */
	at = batch_room(batch, (sizeof(copied) + copied.key_size + copied.value_size + 15) & ~15ul);
	if (!at)
		return -ENOMEM;
	memcpy(at, &copied, sizeof(copied));
	copy_out(at + sizeof(copied), found->entry->bytes, copied.key_size);
	copy_out(at + sizeof(copied) + copied.key_size, value, copied.value_size);
	batch->entries++;
	return 0;
}

/* Copies whole orders from batch->from on; *next is where the one after begins. */
static int batch_collect(const struct visit *v, struct batch *batch, order_t *next)
{
	struct kreg *k = v->k;
	struct table_walk walk;
	struct found found;
	order_t order, last = batch->from;
	int err;

	batch->used = 0;
	batch->entries = 0;
	batch->ended = false;
	table_first(&k->segment, batch->from, v->until, &walk);
	while (!(err = table_next(&k->segment, &k->lives, &walk, &found, &order))) {
		if (order_is_before(order, batch->from))
			continue;
		if (batch->entries >= BATCH_ENTRIES && order != last) {
			*next = order;
			return 0;
		}
		last = order;
		if (!is_wanted(v, &found))
			continue;
		err = batch_add(v, batch, &found);
		if (err)
			return err;
	}
	batch->ended = true;
	return err == -ENOENT ? 0 : err;
}

static int batch_visit(const struct visit *v, const struct batch *batch)
{
	unsigned char *at = batch->bytes;
	uint32_t i;
	int err;

	for (i = 0; i < batch->entries; i++) {
		struct copied copied;
		struct kreg_entry entry;

		memcpy(&copied, at, sizeof(copied));
		entry.owner = copied.owner;
		entry.key = at + sizeof(copied);
		entry.key_size = copied.key_size;
		entry.value = at + sizeof(copied) + copied.key_size;
		entry.value_size = copied.value_size;
		err = v->visit(&entry, v->data);
		if (err)
			return err;
		at += (sizeof(copied) + copied.key_size + copied.value_size + 15) & ~15ul;
	}
	return 0;
}

static int visit_all(const struct visit *v, order_t from)
{
	struct batch batch = { .from = from };
	int err = 0, tries = 0;
	order_t next = from;

	while (!batch.ended) {
		uint64_t epoch = grace_peek(&v->k->segment);

		err = batch_collect(v, &batch, &next);
		if (err != -ENOMEM && !grace_peek_held(&v->k->segment, epoch)) {
			batch.ended = false;
			if (++tries < PEEK_TRIES)
				continue;
			err = -EAGAIN;
		}
		if (!err)
			err = batch_visit(v, &batch);
		if (err)
			break;
		batch.from = next;
		tries = 0;
	}
	free(batch.bytes);
	return err;
}

int kreg_each(struct kreg *k, const void *prefix, size_t prefix_size, kreg_visit_fn visit,
	      void *data)
{
	struct visit v = { .k = k, .visit = visit, .data = data, .until = ORDER_LAST };

	if (!k || !visit || (!prefix && prefix_size && prefix_size != KREG_STRING))
		return -EINVAL;
	v.prefix = prefix;
	if (prefix)
		v.prefix_size = prefix_size == KREG_STRING ? strlen(prefix) : prefix_size;
	return visit_all(&v, 0);
}

int kreg_each_of_key(struct kreg *k, const void *key, size_t key_size, kreg_visit_fn visit,
		     void *data)
{
	struct visit v = { .k = k, .visit = visit, .data = data, .whole = true };
	struct query q;
	int err;

	err = k && visit ? key_check(key, &key_size) : -EINVAL;
	if (err)
		return err;
	q = table_query(&k->segment, key, key_size);
	v.prefix = key;
	v.prefix_size = key_size;
	v.until = q.order;
	return visit_all(&v, q.order);
}

/* 0: the block is an entry that is in the list: a search for its key leads to it. -ENOENT: not. */
static int find_linked(const struct visit *v, place_t place, uint32_t bytes, struct found *found)
{
	struct segment *s = &v->k->segment;
	struct entry *entry = segment_at(s, place, bytes);
	unsigned char key[256];
	struct table_walk walk;
	struct query q;
	order_t order;
	uint64_t info;
	int err;

	if (!entry)
		return -EUCLEAN;
	info = load_relaxed(&entry->info); /* relaxed: checked through the list */
	if (!entry_is_used(info) || ENTRY_HEAD + entry_key_size(info) > bytes ||
	    load_relaxed(&entry->owner) != v->owner) /* relaxed: as above */
		return -ENOENT;
	copy_out(key, entry->bytes, entry_key_size(info));
	q = table_query(s, key, entry_key_size(info));
	table_first(s, q.order, q.order, &walk);
	do {
		err = table_next(s, &v->k->lives, &walk, found, &order);
	} while (!err && found->place != place);
	return err;
}

static int slab_collect(const struct visit *v, uint32_t slab, struct batch *batch)
{
	struct segment *s = &v->k->segment;
	struct heap_cut cut = heap_cut_of_entries(land_about(s, slab));
	place_t place = segment_slab_place(s, slab);
	struct found found;
	uint32_t i;
	int err = 0;

	batch->used = 0;
	batch->entries = 0;
	for (i = 0; i < cut.blocks && !err; i++, place += cut.bytes / LINE_BYTES) {
		err = find_linked(v, place, cut.bytes, &found);
		if (!err)
			err = batch_add(v, batch, &found);
		else if (err == -ENOENT)
			err = 0;
	}
	return err;
}

int kreg_each_of_owner(struct kreg *k, const struct kreg_owner *owner, kreg_visit_fn visit,
		       void *data)
{
	struct visit v = { .k = k, .visit = visit, .data = data };
	struct batch batch = { 0 };
	uint32_t slab, slabs, tries;
	int err = 0;

	if (!k || !visit || !owner || !owner->token)
		return -EINVAL;
	v.owner = owner->token;
	slabs = land_slabs(&k->segment);
	for (slab = 0; slab < slabs && !err; slab++) {
		for (tries = 0; land_owner(&k->segment, slab) == v.owner; tries++) {
			uint64_t epoch = grace_peek(&k->segment);

			err = slab_collect(&v, slab, &batch);
			if (err == -ENOMEM || grace_peek_held(&k->segment, epoch)) {
				if (!err)
					err = batch_visit(&v, &batch);
				break;
			}
			err = tries < PEEK_TRIES ? 0 : -EAGAIN;
			if (err)
				break;
		}
	}
	free(batch.bytes);
	return err;
}
