/* SPDX-License-Identifier: MIT */
/*
 * Visits, in batches. A batch is copied under one peek, whole orders at a time, and is
 * shown to the visitor after the peek was checked; the next batch begins behind the last
 * order. So an entry that stays is visited once, whatever other entries come and go, and
 * the visitor may take its time.
 *
 * With duplicate keys the newest entry is the first in the list. Each run of one order is
 * reversed, so that the visitor sees entries in order of registration.
 */
#include "lib/find/visit.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/find/found.h"
#include "lib/find/pattern.h"
#include "shm/index_ahead.h"
#include "shm/row.h"
#include "shm/query.h"

#define BATCH_ENTRIES 64u

/* One entry of a batch; its key and value follow in the batch's bytes. */
struct copied {
	struct kreg_owner owner;
	uint32_t key_size;
	uint32_t value_size;
	uint32_t position;
	uint32_t flags;
	place_t place;
	order_t order;
};

struct batch {
	unsigned char *bytes;
	size_t used, size;
	size_t *at; /* offset of each entry */
	size_t at_size;
	uint32_t entries;
	order_t from, until; /* the orders it covers: from, and up to until */
	bool ended;          /* it reaches the end of the list */
	struct index_ahead ahead;
};

static int batch_grow(struct batch *batch, size_t bytes)
{
	size_t size = batch->size ? batch->size : 4096;
	size_t at_size = batch->at_size ? batch->at_size : BATCH_ENTRIES;
	void *grown;

	while (size < batch->used + bytes)
		size *= 2;
	while (at_size <= batch->entries)
		at_size *= 2;
	if (size != batch->size) {
		grown = realloc(batch->bytes, size);
		if (!grown)
			return -ENOMEM;
		batch->bytes = grown;
		batch->size = size;
	}
	if (at_size != batch->at_size) {
		grown = realloc(batch->at, at_size * sizeof(*batch->at));
		if (!grown)
			return -ENOMEM;
		batch->at = grown;
		batch->at_size = at_size;
	}
	return 0;
}

static void batch_free(struct batch *batch)
{
	free(batch->bytes);
	free(batch->at);
}

static int batch_add(const struct visit *v, struct batch *batch, const struct found *found,
		     order_t order, uint32_t position)
{
	struct copied copied = { .key_size = entry_key_size(found->info),
				 .position = position,
				 .flags = found_flags(found->info) };
	const void *value =
		entry_value(&v->k->segment, found->entry, found->info, &copied.value_size);
	/* Rounded up, so that the next head is aligned. */
	size_t bytes = (sizeof(copied) + copied.key_size + copied.value_size + 15) & ~15ul;
	unsigned char *at;

	if (!value)
		return segment_fault(&v->k->segment);
	if (!handle_owner(v->k, found->owner, found->life, &copied.owner))
		return 0;
	if (batch_grow(batch, bytes))
		return -ENOMEM;
	copied.place = found->place;
	copied.order = order;
	at = batch->bytes + batch->used;
	memcpy(at, &copied, sizeof(copied));
	copy_out(at + sizeof(copied), found->entry->bytes, copied.key_size);
	copy_out(at + sizeof(copied) + copied.key_size, value, copied.value_size);
	batch->at[batch->entries++] = batch->used;
	batch->used += bytes;
	return 0;
}

static struct copied batch_entry(const struct batch *batch, uint32_t i)
{
	struct copied copied;

	memcpy(&copied, batch->bytes + batch->at[i], sizeof(copied));
	return copied;
}

/* The last entry of a line that the walk has reached. */
struct line {
	unsigned char key[256];
	uint32_t key_size; /* 0: none */
	uint32_t position;
};

/*
 * The number of living entries with the key of @found in front of it, reserved ones
 * included. It is one more than for the entry before in the walk, if that had the same
 * key. Otherwise keys of one order are mixed, and its line is walked separately.
 */
static uint32_t position_of(const struct visit *v, const struct found *found, struct line *line)
{
	const struct segment *s = &v->k->segment;
	uint32_t size = entry_key_size(found->info);
	struct table_walk walk;
	struct found at;
	struct query q;

	if (!entry_has_room(s, found->entry, ENTRY_HEAD + size))
		return 0;
	if (size == line->key_size && copy_equals(found->entry->bytes, line->key, size))
		return ++line->position;
	copy_out(line->key, found->entry->bytes, size);
	line->key_size = size;
	line->position = 0;
	q = table_query(s, line->key, size);
	q.kinds = KINDS_OF_NAMES;
	table_line(s, &q, &walk);
	while (!table_line_next(s, &v->k->lives, &q, &walk, &at) && at.place != found->place)
		line->position++;
	return line->position;
}

/*
 * Copies whole orders from batch->from on, and sets batch->until to where the next batch
 * begins.
 */
static int batch_collect(const struct visit *v, struct batch *batch, order_t end)
{
	struct index_ahead *ahead = &batch->ahead;
	uint32_t kinds = visit_kinds(v);
	struct kreg *k = v->k;
	struct table_walk walk;
	struct found found;
	order_t order, last = batch->from;
	struct line line;
	bool first = true;
	int err;

	batch->used = 0;
	batch->entries = 0;
	batch->ended = false;
	if (end == ORDER_LAST)
		index_ahead_look(ahead, &k->segment);
	table_first(&k->segment, batch->from, end, &walk);
	while (!(err = table_next(&k->segment, &k->lives, &walk, &found, &order))) {
		uint32_t position = 0;

		index_ahead(ahead, &k->segment, order);
		if (order_is_before(order, batch->from))
			continue;
		if (batch->entries >= BATCH_ENTRIES && order != last) {
			batch->until = order;
			return 0;
		}
		if (first || order != last)
			line.key_size = 0;
		/*
		 * Most entries are the first of their order, which saves the copy of the
		 * key.
		 */
		if (k->segment.unique && kinds & KINDS_OF_NAMES && !first && order == last)
			position = position_of(v, &found, &line);
		first = false;
		last = order;
		if (!entry_is_of(found.info, kinds) || !pattern_may_match(k, v->pattern, &found))
			continue;
		err = batch_add(v, batch, &found, order, position);
		if (err)
			return err;
	}
	batch->ended = true;
	return err == -ENOENT ? 0 : err;
}

/* Reverses each run of one order. */
static void batch_reverse(struct batch *batch)
{
	uint32_t first, last, i, j;

	for (first = 0; first < batch->entries; first = last) {
		order_t order = batch_entry(batch, first).order;

		for (last = first;
		     last < batch->entries && batch_entry(batch, last).order == order;)
			last++;
		for (i = first, j = last; i + 1 < j; i++) {
			size_t at = batch->at[i];

			batch->at[i] = batch->at[--j];
			batch->at[j] = at;
		}
	}
}

static int batch_visit(const struct visit *v, const struct batch *batch)
{
	OUTSIDE_OF_CALL;
	uint32_t i;
	int err;

	for (i = 0; i < batch->entries; i++) {
		struct copied copied = batch_entry(batch, i);
		unsigned char *bytes = batch->bytes + batch->at[i] + sizeof(copied);
		struct kreg_entry entry = { .owner = copied.owner,
					    .position = copied.position,
					    .flags = copied.flags,
					    .reserved = copied.place };

		entry.key = bytes;
		entry.key_size = copied.key_size;
		entry.value = bytes + copied.key_size;
		entry.value_size = copied.value_size;
		if (!pattern_matches(v->pattern, &entry) ||
		    !life_is_alive(&v->k->lives, copied.owner.token) ||
		    !row_is_members(&v->k->segment, &v->k->lives, copied.owner.token))
			continue;
		err = v->visit(&entry, v->data);
		if (err)
			return err;
	}
	return 0;
}

static bool batch_equals(const struct batch *a, const struct batch *b)
{
	uint32_t i;

	if (a->entries != b->entries)
		return false;
	for (i = 0; i < a->entries; i++) {
		struct copied x = batch_entry(a, i), y = batch_entry(b, i);

		if (x.place != y.place || x.owner.token != y.owner.token)
			return false;
	}
	return true;
}

/* Collects until two batches in a row are equal. The caller's peek covers the first. */
static int batch_agree(const struct visit *v, struct batch *batch, order_t end)
{
	struct batch again = { .from = batch->from };
	int err = batch_collect(v, &again, end);

	if (!err && !batch_equals(batch, &again))
		err = -EAGAIN;
	batch_free(&again);
	return err;
}

static int visit_range(const struct visit *v, struct batch *batch, order_t from, order_t end)
{
	int err = 0, tries = 0;

	batch->from = from;
	batch->ended = false;
	while (!batch->ended) {
		uint64_t epoch = grace_peek(&v->k->segment);

		err = batch_collect(v, batch, end);
		if (!err && v->twice)
			err = batch_agree(v, batch, end);
		if (err == -EAGAIN || (err != -ENOMEM && !grace_peek_held(&v->k->segment, epoch))) {
			batch->ended = false;
			if (++tries < PEEK_TRIES)
				continue;
			err = -EAGAIN;
		}
		if (!err && !v->k->segment.unique)
			batch_reverse(batch);
		if (!err)
			err = batch_visit(v, batch);
		if (err)
			break;
		batch->from = batch->until;
		tries = 0;
	}
	return err;
}

int visit_orders(const struct visit *v, order_t from, order_t end)
{
	struct batch batch = { 0 };
	int err = visit_range(v, &batch, from, end);

	batch_free(&batch);
	return err;
}

int visit_set(const struct visit *v, const struct orders *orders)
{
	struct batch batch = { 0 };
	size_t i;
	int err = 0;

	for (i = 0; i < orders->count && !err; i++)
		err = visit_range(v, &batch, orders->at[i], orders->at[i]);
	batch_free(&batch);
	return err;
}

int visit_key(const struct visit *v, const void *key, size_t key_size)
{
	struct query q = table_query(&v->k->segment, key, key_size);
	uint32_t partition;
	int err = 0;

	for (partition = 0; partition < v->k->segment.partitions && !err; partition++) {
		table_query_partition(&q, partition);
		err = visit_orders(v, q.order, q.order);
	}
	return err;
}

int visit_all(const struct visit *v)
{
	return visit_orders(v, 0, ORDER_LAST);
}
