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
#include "shm/look.h"
#include "shm/query.h"

/* More than a processor has cache misses in flight, so that it always has some. */
#define GROUP 32u

/* One of the lookups that are made at once. */
struct fetched {
	/* the line of the index, then the entry; NULL: its result is there */
	const void *at;
	uint32_t hash;
	/* of the key; KREG_STRING is resolved */
	uint32_t size;
};

/* Where lookups begin that none of the passes can judge: it has no cell, and is not complete. */
static const struct index_line no_line;

/* Returns 1 if it was found. */
static __attribute__((noinline)) int lookup_alone(struct kreg *k, const struct kreg_key *key,
						  struct kreg_found *out)
{
	if (lookup_is_wrong(k, key->key, key->key_size, out->value, out->capacity)) {
		out->size = lookup_refuse(k, "kreg_lookup_many", key->key, key->key_size, "value");
		return 0;
	}
	out->size = kreg_lookup(k, key->key, key->key_size, out->value, out->capacity, &out->owner);
	return out->size >= 0;
}

/* The size of a key, and its hash; 0: for a lookup of its own. */
static __attribute__((noinline)) uint32_t hash_other(const struct segment *s,
						     const struct kreg_key *key, uint32_t *hash)
{
	size_t size = key->key_size;

	*hash = 0;
	if (key_check(key->key, &size) || size > HASH_SHORT_MAX)
		return 0;
	*hash = hash_key(&s->hash, key->key, size);
	return (uint32_t)size;
}

/* Where lookups go along the list: what they read first, and next, is fetched for all. */
static __attribute__((noinline)) int64_t lookup_group_listed(struct kreg *k,
							     const struct kreg_key *keys,
							     struct kreg_found *found, size_t count)
{
	const struct segment *s = &k->segment;
	/* relaxed: an outdated number costs a fetch of no use */
	uint32_t mask = (uint32_t)(load_relaxed(&s->header->buckets) - 1), hashes[GROUP];
	uint64_t *bucket;
	int64_t got = 0;
	ref_t word;
	size_t i;

	for (i = 0; i < count; i++) {
		hash_other(s, &keys[i], &hashes[i]);
		__builtin_prefetch(&s->buckets[hashes[i] & mask]);
	}
	for (i = 0; i < count; i++) {
		if (table_bucket(s, hashes[i], &bucket, &word) && order_is_entry(ref_order(word)))
			__builtin_prefetch(segment_entry(s, ref_place(word)));
	}
	for (i = 0; i < count; i++)
		got += lookup_alone(k, &keys[i], &found[i]);
	return got;
}

/* Copies what the passes have led to. -EAGAIN: a lookup of its own has to judge. */
static inline __attribute__((always_inline)) ssize_t
copy_fetched(const struct kreg *k, const struct fetched *f, const void *key, struct kreg_found *out)
{
	uint64_t pid;
	owner_t word;

	if (caa_unlikely(f->size > 32))
		return lookup_entry(k, f->at, copy_equals, true, key, f->size, out->value,
				    out->capacity, &out->owner);
	if (caa_unlikely(!lookup_is_eight(f->at, f->size)) || caa_unlikely(out->capacity < 8))
		return lookup_entry(k, f->at, copy_equals, false, key, f->size, out->value,
				    out->capacity, &out->owner);
	if (caa_unlikely(!lookup_has_key(k, f->at, copy_equals, false, key, f->size)))
		return -EAGAIN;
	word = load_relaxed(&((const struct entry *)f->at)->owner); /* relaxed: behind the cell */
	if (caa_unlikely(!lookup_lives(k, word, &pid)))
		return -EAGAIN;
	lookup_fill(&out->owner, word, pid);
	look_copied(out->value, lookup_eight(f->at, f->size));
	return 8;
}

/*
 * In three passes: the hash, and the line is fetched; the cell, and the entry is fetched; key,
 * life and value. Whatever is unusual is looked up alone meanwhile.
 *
 * The epoch and the number of buckets are looked at once, at the end, which is as good as after
 * each key: if the look was right for the whole time, it was for each key in it (look.h). If not, all
 * are looked up alone.
 */
static int64_t lookup_group(struct kreg *k, const struct kreg_key *keys, struct kreg_found *found,
			    size_t count)
{
	const struct segment_look *look = &k->segment.look;
	look_began began = look_begin(&k->segment);
	uint64_t mask = load_relaxed(&look->mask); /* relaxed: behind the epoch */
	const struct kreg_key *key, *end = keys + count;
	struct fetched fetched[GROUP], *f;
	struct kreg_found *out;
	int64_t missed = 0;

	for (key = keys, f = fetched, out = found; key < end; key++, f++, out++) {
		const struct index_line *line;
		size_t size = key->key_size;

		if (caa_likely(size - 17 < 16 && key->key)) {
			f->hash = hash_17_to_32(&k->segment.hash, key->key, size);
			f->size = (uint32_t)size;
		} else {
			f->size = hash_other(&k->segment, key, &f->hash);
		}
		line = look->lines + (f->hash & mask);
		if (caa_unlikely(!f->size || !out->value))
			line = &no_line;
		f->at = line;
		__builtin_prefetch(line);
	}
	for (key = keys, f = fetched, out = found; key < end; key++, f++, out++) {
		struct entry *entry;
		int err = look_probe_line(look, f->at, f->hash, &entry);

		if (caa_likely(!err)) {
			f->at = entry;
			__builtin_prefetch(entry);
			/* With the value behind it. */
			if (caa_unlikely(f->size > 32))
				__builtin_prefetch(entry + 1);
			continue;
		}
		f->at = NULL;
		if (caa_likely(err == -ENOENT)) {
			out->size = -ENOENT;
			missed++;
		} else {
			missed += !lookup_alone(k, key, out);
		}
	}
	for (key = keys, f = fetched, out = found; key < end; key++, f++, out++) {
		if (!f->at)
			continue;
		out->size = copy_fetched(k, f, key->key, out);
		if (caa_unlikely(out->size < 0))
			missed += !lookup_alone(k, key, out);
	}
	/* ORD[lookup_group:A] acquire: as look_held:A; pairs with grace_advance:C */
	fence_acquire();
	if (caa_likely(look_has_all(look, mask, began)))
		return (int64_t)count - missed;
	for (missed = 0, key = keys, out = found; key < end; key++, out++)
		missed += !lookup_alone(k, key, out);
	return (int64_t)count - missed;
}

/* Whether a group has a chance; else the look is renewed first. */
static bool look_is_new(struct kreg *k)
{
	look_began began = look_begin(&k->segment);

	/* relaxed: behind the epoch */
	return look_has_all(&k->segment.look, load_relaxed(&k->segment.look.mask), began);
}

int64_t kreg_lookup_many(struct kreg *k, const struct kreg_key *keys, size_t count,
			 struct kreg_found *found)
{
	int64_t got = 0;
	size_t at, some;

	if (caa_unlikely(!k || ((!keys || !found) && count)))
		return refuse(k, !k      ? K_IS_NULL
				 : !keys ? "keys is NULL, but count is not 0"
					 : "found is NULL, but count is not 0");
	for (at = 0; at < count; at += some) {
		some = count - at < GROUP ? count - at : GROUP;
		if (caa_unlikely(!look_is_new(k)))
			look_renew(&k->segment);
		got += look_is_new(k) ? lookup_group(k, keys + at, found + at, some)
				      : lookup_group_listed(k, keys + at, found + at, some);
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
	int err = 0;

	if (!k)
		err = refuse(k, K_IS_NULL);
	else if (!items && count)
		err = refuse(k, "items is NULL, but count is not 0");

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
