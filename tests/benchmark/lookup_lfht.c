/* SPDX-License-Identifier: MIT */
/*
 * A peer: liburcu's cds_lfht, the lock-free hash table of one process, in a read section of
 * urcu-memb for each lookup. It is at its best: its read side inlined, each node one line of
 * the cache, as many buckets as keys or more.
 *
 * It leaves out: other processes, and owners that die.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* The peer at its best: its read side inlined. */
#define _LGPL_SOURCE
#include <urcu/urcu-memb.h>

#include <urcu/rculfhash.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "tests/benchmark/contestant.h"

struct node {
	struct cds_lfht_node node;
	uint16_t key_size;
	uint16_t value_size;
	unsigned char bytes[];
};

struct sought {
	const void *key;
	size_t key_size;
};

struct lfht {
	struct cds_lfht *ht;
	unsigned char *nodes;
	size_t node_size;
	uint32_t count;
	size_t key_size;
	size_t value_size;
};

static struct node *node_at(const struct lfht *t, uint32_t number)
{
	return (struct node *)(t->nodes + number * t->node_size);
}

static int node_has_key(struct cds_lfht_node *node, const void *key)
{
	const struct node *at = caa_container_of(node, struct node, node);
	const struct sought *sought = key;

	return at->key_size == sought->key_size &&
	       !memcmp(at->bytes, sought->key, sought->key_size);
}

static void *lfht_open(const struct contents *contents)
{
	struct lfht *t = room(sizeof(*t));
	uint32_t i, buckets = 1;

	/*
	 * The size that it would reach by itself, or twice that. But it grows in a thread
	 * of its own, some time later, and a table that is filled meanwhile may keep few
	 * buckets for long.
	 */
	while (buckets < contents->count)
		buckets *= 2;
	urcu_memb_register_thread();
	t->ht = cds_lfht_new_flavor(buckets, buckets, buckets, 0, &urcu_memb_flavor, NULL);
	if (!t->ht)
		die("cds_lfht_new_flavor", -ENOMEM);
	t->count = contents->count;
	t->key_size = contents->key_size;
	t->value_size = contents->value_size;
	t->node_size = (sizeof(struct node) + t->key_size + t->value_size + 63) & ~(size_t)63;
	t->nodes = room(t->count * t->node_size);
	for (i = 0; i < t->count; i++) {
		struct node *node = node_at(t, i);
		struct sought sought = { node->bytes, t->key_size };

		cds_lfht_node_init(&node->node);
		node->key_size = (uint16_t)t->key_size;
		node->value_size = (uint16_t)t->value_size;
		memcpy(node->bytes, contents->keys + i * t->key_size, t->key_size);
		value_make(node->bytes + t->key_size, t->value_size, i);
		urcu_memb_read_lock();
		cds_lfht_add_unique(t->ht, XXH3_64bits(node->bytes, t->key_size), node_has_key,
				    &sought, &node->node);
		urcu_memb_read_unlock();
	}
	return t;
}

static uint32_t lfht_look(void *table, const struct list *list)
{
	const struct lfht *t = table;
	size_t key_size = t->key_size;
	unsigned char value[VALUE_SIZE_MAX];
	struct cds_lfht_iter iter;
	struct cds_lfht_node *node;
	uint32_t i, found = 0;

	for (i = 0; i < list->count; i++) {
		struct sought sought = { list->keys + i * key_size, key_size };
		uint64_t hash = XXH3_64bits(sought.key, key_size);

		urcu_memb_read_lock();
		cds_lfht_lookup(t->ht, hash, node_has_key, &sought, &iter);
		node = cds_lfht_iter_get_node(&iter);
		if (node) {
			const struct node *at = caa_container_of(node, struct node, node);

			memcpy(value, at->bytes + key_size, at->value_size);
			value_used(value);
			found++;
		}
		urcu_memb_read_unlock();
	}
	return found;
}

static void lfht_close(void *table)
{
	struct lfht *t = table;
	uint32_t i;

	urcu_memb_read_lock();
	for (i = 0; i < t->count; i++)
		cds_lfht_del(t->ht, &node_at(t, i)->node);
	urcu_memb_read_unlock();
	urcu_memb_synchronize_rcu();
	cds_lfht_destroy(t->ht, NULL);
	urcu_memb_unregister_thread();
	free(t->nodes);
	free(t);
}

const struct contestant contestant_lfht = {
	.name = "cds_lfht",
	.open = lfht_open,
	.hit = lfht_look,
	.miss = lfht_look,
	.close = lfht_close,
};
