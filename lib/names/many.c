/* SPDX-License-Identifier: MIT */
/*
 * Many lookups or registrations in one call. Lookups overlap: while one waits for memory,
 * the next one's memory is being fetched. Registrations are reserved first, so that none
 * is visible before all are certain.
 *
 *   step of kreg_register_many()            killed here
 *   some are reserved                       absent, because their owner is dead
 *   some are published                      the same
 */
#include <errno.h>

#include "lib/names/change.h"
#include "lib/find/lookup.h"
#include "shm/index.h"
#include "shm/query.h"

/* More than a processor has cache misses in flight, so that it always has some. */
#define GROUP 32u

/* One of the lookups that are made at once. */
struct fetched {
	struct query q;
	/* of index_probe() */
	struct entry *entry;
	int err;
};

/* The line of the index that the lookup reads first, or the bucket where there is none. */
static const void *first_read(const struct segment *s, uint32_t hash)
{
	/* relaxed: an outdated number costs a fetch of no use */
	uint64_t buckets = load_relaxed(&s->header->buckets);
	uint32_t number = hash & (uint32_t)(buckets - 1);

	/* relaxed: a bound of this process's own */
	if (buckets - 1 < load_relaxed(&s->view->lines))
		return &s->lines[number];
	return buckets - 1 < s->buckets_max ? &s->buckets[number] : NULL;
}

/* Asks the index, and fetches the entry that the lookup reads next. */
static void fetch_entry(const struct segment *s, struct fetched *f)
{
	uint64_t *bucket;
	place_t place;
	ref_t word;

	f->entry = NULL;
	f->err = index_probe(s, &f->q, &f->entry, &place);
	if (f->err == -EAGAIN && table_bucket(s, f->q.hash, &bucket, &word) &&
	    order_is_entry(ref_order(word)))
		f->entry = segment_entry(s, ref_place(word));
	if (f->entry)
		__builtin_prefetch(f->entry);
}

/* @epoch is that of the peek in which the index was asked. */
static ssize_t lookup_fetched(struct kreg *k, const struct fetched *f, uint64_t epoch,
			      struct kreg_found *found)
{
	ssize_t got = -EAGAIN;

	if (f->err == -ENOENT && grace_peek_held(&k->segment, epoch))
		return -ENOENT;
	if (caa_likely(!f->err && f->q.key_size <= SHORT_KEY_MAX))
		got = lookup_entry(k, &f->q, f->entry, epoch, found->value, found->capacity,
				   &found->owner);
	return caa_likely(got != -EAGAIN) ? got : lookup_query(k, &f->q, found);
}

static int64_t lookup_group(struct kreg *k, const struct kreg_key *keys, struct kreg_found *found,
			    size_t count)
{
	struct fetched fetched[GROUP];
	uint64_t epoch;
	int64_t got = 0;
	size_t i;

	for (i = 0; i < count; i++) {
		size_t size = keys[i].key_size;

		found[i].size = found[i].value || !found[i].capacity ? key_check(keys[i].key, &size)
								     : -EINVAL;
		if (found[i].size)
			continue;
		fetched[i].q = table_query(&k->segment, keys[i].key, size);
		__builtin_prefetch(first_read(&k->segment, fetched[i].q.hash));
	}
	epoch = grace_peek(&k->segment);
	for (i = 0; i < count; i++) {
		if (!found[i].size)
			fetch_entry(&k->segment, &fetched[i]);
	}
	for (i = 0; i < count; i++) {
		if (!found[i].size)
			found[i].size = lookup_fetched(k, &fetched[i], epoch, &found[i]);
		got += found[i].size >= 0;
	}
	return got;
}

int64_t kreg_lookup_many(struct kreg *k, const struct kreg_key *keys, struct kreg_found *found,
			 size_t count)
{
	int64_t got = 0;
	size_t at, some;

	if (!k || ((!keys || !found) && count))
		return -EINVAL;
	for (at = 0; at < count; at += some) {
		some = count - at < GROUP ? count - at : GROUP;
		got += lookup_group(k, keys + at, found + at, some);
	}
	return got;
}

/* Publishes the reserved entry of @item, or gives it up. */
static int settle(struct kreg *k, const struct kreg_item *item, bool publish)
{
	size_t size = item->key_size;
	struct change change;
	struct found own;
	struct query q;
	int err = key_check(item->key, &size);

	if (err)
		return err;
	q = table_query_of(&k->segment, k->self.owner, item->key, size);
	q.kinds = KIND_OF(ENTRY_RESERVED);
	err = change_enter(&change, k, &q);
	if (err)
		return err;
	err = change_find_own(&change, &own);
	if (!err)
		err = publish ? change_publish(&change, &own) : change_unlink(&change, &own);
	change_leave(&change);
	return err;
}

int kreg_register_many(struct kreg *k, const struct kreg_item *items, size_t count, size_t *failed)
{
	UNCANCELLABLE;
	size_t reserved, published = 0;
	int err = k && (items || !count) ? 0 : -EINVAL;

	for (reserved = 0; reserved < count && !err; reserved += !err)
		err = kreg_register_with(k, items[reserved].key, items[reserved].key_size,
					 items[reserved].value, items[reserved].value_size,
					 KREG_REGISTER_RESERVED, NULL);
	/*
	 * Only the end of the registry or of our life can stop this loop, and then all
	 * entries are gone.
	 */
	for (; published < reserved && !err; published += !err)
		err = settle(k, &items[published], true);
	if (!err)
		return 0;
	if (failed)
		*failed = reserved < count ? reserved : published;
	while (reserved-- > published)
		settle(k, &items[reserved], false);
	return err;
}
