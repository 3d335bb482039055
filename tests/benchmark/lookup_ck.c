/* SPDX-License-Identifier: MIT */
/*
 * A peer: ck_ht of Concurrency Kit, a hash table for one writer and many readers of one
 * process. It has the hash that kreg has.
 *
 * It leaves out: other processes, owners that die, a second writer, and all protection of a
 * value that a reader has found and a writer removes.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <ck_ht.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "tests/benchmark/contestant.h"

struct ck {
	ck_ht_t ht;
	unsigned char *entries; /* each its key, then its value */
	size_t entry_size;
	size_t key_size;
	size_t value_size;
};

static void *ck_malloc_of(size_t size)
{
	return malloc(size);
}

static void *ck_realloc_of(void *at, size_t had, size_t size, bool later)
{
	(void)had;
	(void)later;
	return realloc(at, size);
}

static void ck_free_of(void *at, size_t size, bool later)
{
	(void)size;
	(void)later;
	free(at);
}

static struct ck_malloc allocator = {
	.malloc = ck_malloc_of,
	.realloc = ck_realloc_of,
	.free = ck_free_of,
};

static void hash_of(ck_ht_hash_t *hash, const void *key, size_t size, uint64_t seed)
{
	hash->value = XXH3_64bits_withSeed(key, size, seed);
}

static void *ck_open(const struct contents *contents)
{
	struct ck *t = room(sizeof(*t));
	ck_ht_entry_t entry;
	ck_ht_hash_t hash;
	uint32_t i;

	t->key_size = contents->key_size;
	t->value_size = contents->value_size;
	t->entry_size = (t->key_size + t->value_size + 63) & ~(size_t)63;
	t->entries = room(contents->count * t->entry_size);
	if (!ck_ht_init(&t->ht, CK_HT_MODE_BYTESTRING, hash_of, &allocator, contents->count,
			0x5eed))
		die("ck_ht_init", -ENOMEM);
	for (i = 0; i < contents->count; i++) {
		unsigned char *at = t->entries + i * t->entry_size;

		memcpy(at, contents->keys + i * t->key_size, t->key_size);
		value_make(at + t->key_size, t->value_size, i);
		ck_ht_hash(&hash, &t->ht, at, (uint16_t)t->key_size);
		ck_ht_entry_set(&entry, hash, at, (uint16_t)t->key_size, at + t->key_size);
		if (!ck_ht_put_spmc(&t->ht, hash, &entry))
			die("ck_ht_put_spmc", -ENOMEM);
	}
	return t;
}

static uint32_t ck_look(void *table, const struct list *list)
{
	struct ck *t = table;
	size_t key_size = t->key_size, value_size = t->value_size;
	unsigned char value[VALUE_SIZE_MAX];
	uint32_t i, found = 0;
	ck_ht_entry_t entry;
	ck_ht_hash_t hash;

	for (i = 0; i < list->count; i++) {
		const unsigned char *key = list->keys + i * key_size;

		ck_ht_hash(&hash, &t->ht, key, (uint16_t)key_size);
		ck_ht_entry_key_set(&entry, key, (uint16_t)key_size);
		if (!ck_ht_get_spmc(&t->ht, hash, &entry))
			continue;
		memcpy(value, ck_ht_entry_value(&entry), value_size);
		value_used(value);
		found++;
	}
	return found;
}

static void ck_close(void *table)
{
	struct ck *t = table;

	ck_ht_destroy(&t->ht);
	free(t->entries);
	free(t);
}

const struct contestant contestant_ck = {
	.name = "ck_ht",
	.open = ck_open,
	.hit = ck_look,
	.miss = ck_look,
	.close = ck_close,
};
