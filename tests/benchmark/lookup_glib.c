/* SPDX-License-Identifier: MIT */
/*
 * A peer: GLib's GHashTable, the hash table that a program would use for itself.
 *
 * It leaves out: other processes, other threads (it has no lock), and owners that die.
 */
#include <stdlib.h>
#include <string.h>

#include <glib.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "tests/benchmark/contestant.h"

/* Its functions get a stored key and a sought one alike. */
struct sought {
	const unsigned char *key;
	uint32_t key_size;
	uint32_t value_size;
};

struct glib {
	GHashTable *ht;
	unsigned char *entries; /* each a struct sought, its key, its value */
	size_t key_size;
};

static guint hash_of(gconstpointer key)
{
	const struct sought *sought = key;

	return (guint)XXH3_64bits(sought->key, sought->key_size);
}

static gboolean equal(gconstpointer a, gconstpointer b)
{
	const struct sought *x = a, *y = b;

	return x->key_size == y->key_size && !memcmp(x->key, y->key, x->key_size);
}

static void *glib_open(const struct contents *contents)
{
	struct glib *t = room(sizeof(*t));
	size_t size = sizeof(struct sought) + contents->key_size + contents->value_size;
	uint32_t i;

	size = (size + 63) & ~(size_t)63;
	t->key_size = contents->key_size;
	t->entries = room(contents->count * size);
	t->ht = g_hash_table_new(hash_of, equal);
	for (i = 0; i < contents->count; i++) {
		struct sought *entry = (struct sought *)(t->entries + i * size);
		unsigned char *key = (unsigned char *)(entry + 1);

		*entry = (struct sought){ key, (uint32_t)contents->key_size,
					  (uint32_t)contents->value_size };
		memcpy(key, contents->keys + i * contents->key_size, contents->key_size);
		value_make(key + contents->key_size, contents->value_size, i);
		g_hash_table_add(t->ht, entry);
	}
	return t;
}

static uint32_t glib_look(void *table, const struct list *list)
{
	struct glib *t = table;
	unsigned char value[VALUE_SIZE_MAX];
	uint32_t i, found = 0;

	for (i = 0; i < list->count; i++) {
		struct sought sought = { list->keys + i * t->key_size, (uint32_t)t->key_size, 0 };
		const struct sought *entry = g_hash_table_lookup(t->ht, &sought);

		if (!entry)
			continue;
		memcpy(value, entry->key + entry->key_size, entry->value_size);
		value_used(value);
		found++;
	}
	return found;
}

static void glib_close(void *table)
{
	struct glib *t = table;

	g_hash_table_destroy(t->ht);
	free(t->entries);
	free(t);
}

const struct contestant contestant_glib = {
	.name = "GHashTable, no locks, private",
	.open = glib_open,
	.hit = glib_look,
	.miss = glib_look,
	.close = glib_close,
};
