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
	/* of index_probe() */
	struct entry *entry;
	uint32_t hash;
	/* of the key; KREG_STRING is resolved */
	uint32_t size;
	/* -EAGAIN: made alone, afterwards */
	int err;
};

/* By hash: the lines of the index that lookups read first, or the buckets where there are none. */
struct first_reads {
	const char *from;
	uint32_t mask;
	uint32_t bytes;
};

static struct first_reads first_reads(const struct segment *s)
{
	/* relaxed: an outdated number costs a fetch of no use */
	uint64_t buckets = load_relaxed(&s->header->buckets);

	/* relaxed: a bound of this process's own */
	if (buckets - 1 < load_relaxed(&s->view->lines))
		return (struct first_reads){ (const char *)s->lines, (uint32_t)(buckets - 1),
					     sizeof(struct index_line) };
	return (struct first_reads){ (const char *)s->buckets, (uint32_t)(buckets - 1),
				     sizeof(uint64_t) };
}

static inline __attribute__((always_inline)) struct query query_again(const struct kreg_key *key,
								      const struct fetched *f)
{
	return table_query_hashed(f->hash, key->key, f->size, KIND_OF(ENTRY_NAME));
}

/* What lookups along the list read next. */
static __attribute__((noinline)) void fetch_listed(const struct segment *s, uint32_t hash)
{
	uint64_t *bucket;
	ref_t word;

	if (table_bucket(s, hash, &bucket, &word) && order_is_entry(ref_order(word)))
		__builtin_prefetch(segment_entry(s, ref_place(word)));
}

/*
 * The rest of one lookup, in the group's peek. -EAGAIN: that entry does not count, or is none of
 * the usual ones.
 */
static inline __attribute__((always_inline)) ssize_t
copy_fetched(struct kreg *k, const struct query *q, struct entry *entry, struct kreg_found *out)
{
	struct found found;
	uint32_t size;

	if (caa_unlikely(q->key_size > SHORT_KEY_MAX) || !lookup_is_plain(k, q, entry, &found))
		return -EAGAIN;
	size = entry_value_size(found.info);
	if (!lookup_value(&k->segment, entry, size, entry_head(q->key_size), out->value,
			  out->capacity))
		return -EAGAIN;
	return handle_owner(k, found.owner, found.life, &out->owner) ? (ssize_t)size : -EAGAIN;
}

static __attribute__((noinline)) ssize_t lookup_alone(struct kreg *k, const struct kreg_key *key,
						      const struct fetched *f,
						      struct kreg_found *found)
{
	struct query q = query_again(key, f);

	return lookup_query(k, &q, found);
}

/*
 * In four passes: the hash, and the line is fetched; the cell, and the entry is fetched; key,
 * life and value; the epoch, once for all, and alone what the passes have left.
 */
static int64_t lookup_group(struct kreg *k, const struct kreg_key *keys, struct kreg_found *found,
			    size_t count)
{
	const struct first_reads first = first_reads(&k->segment);
	struct fetched fetched[GROUP];
	struct query q;
	uint64_t epoch;
	place_t place;
	int64_t got = 0;
	size_t i, size;
	bool held;

	for (i = 0; i < count; i++) {
		struct fetched *f = &fetched[i];

		size = keys[i].key_size;
		f->err = found[i].value || !found[i].capacity ? key_check(keys[i].key, &size)
							      : -EINVAL;
		if (caa_unlikely(f->err))
			continue;
		f->size = (uint32_t)size;
		f->hash = table_query(&k->segment, keys[i].key, size).hash;
		__builtin_prefetch(first.from + (uint64_t)(f->hash & first.mask) * first.bytes);
	}
	epoch = grace_peek(&k->segment);
	for (i = 0; i < count; i++) {
		struct fetched *f = &fetched[i];

		if (caa_unlikely(f->err))
			continue;
		q = query_again(&keys[i], f);
		f->err = index_probe(&k->segment, &q, &f->entry, &place);
		if (caa_likely(!f->err))
			__builtin_prefetch(f->entry);
		else if (f->err == -EAGAIN)
			fetch_listed(&k->segment, f->hash);
	}
	for (i = 0; i < count; i++) {
		found[i].size = fetched[i].err;
		if (caa_unlikely(fetched[i].err))
			continue;
		q = query_again(&keys[i], &fetched[i]);
		found[i].size = copy_fetched(k, &q, fetched[i].entry, &found[i]);
	}
	held = grace_peek_held(&k->segment, epoch);
	for (i = 0; i < count; i++) {
		if (caa_unlikely(found[i].size == -EAGAIN) ||
		    (caa_unlikely(!held) && (found[i].size >= 0 || found[i].size == -ENOENT)))
			found[i].size = lookup_alone(k, &keys[i], &fetched[i], &found[i]);
		got += found[i].size >= 0;
	}
	return got;
}

int64_t kreg_lookup_many(struct kreg *k, const struct kreg_key *keys, size_t count,
			 struct kreg_found *found)
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
