/* SPDX-License-Identifier: MIT */
/*
 * The table of writers: a registration and its end, beside adding and deleting a node of
 * liburcu's cds_lfht, which neither allocates nor has an owner. Once a few keys over and over
 * in an otherwise empty table, which is in the cache, and once new keys among many entries.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define _LGPL_SOURCE
#include <urcu/urcu-memb.h>

#include <urcu/rculfhash.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "tests/benchmark/processes.h"
#include "tests/benchmark/tables.h"

#define OTHERS 100000u
#define PAIRS 50000u
#define NODES 4096u /* used again after a grace period, when all have been deleted */

struct node {
	struct cds_lfht_node node;
	unsigned char key[NUMBERED_SIZE];
	uint64_t value;
} __attribute__((aligned(64)));

#define FEW 64u

/* The writers of one table. */
struct writers {
	struct kreg *k;
	struct cds_lfht *ht;
	uint32_t others;
	struct node *nodes; /* the others, then NODES that are not in the table */
	unsigned char (*keys)[NUMBERED_SIZE];
	uint32_t keys_used;
};

enum { FEW_KEYS, MANY_KEYS, CASES };

static int node_has_key(struct cds_lfht_node *node, const void *key)
{
	return !memcmp(caa_container_of(node, struct node, node)->key, key, NUMBERED_SIZE);
}

static void node_add(struct writers *w, struct node *node)
{
	cds_lfht_node_init(&node->node);
	cds_lfht_add_unique(w->ht, XXH3_64bits(node->key, NUMBERED_SIZE), node_has_key, node->key,
			    &node->node);
}

static double lfht_pairs(struct writers *w)
{
	double start = run_ns();
	uint32_t i;

	for (i = 0; i < PAIRS; i++) {
		struct node *node = &w->nodes[w->others + i % NODES];

		if (!(i % NODES))
			urcu_memb_synchronize_rcu();
		memcpy(node->key, w->keys[i % w->keys_used], NUMBERED_SIZE);
		urcu_memb_read_lock();
		node_add(w, node);
		cds_lfht_del(w->ht, &node->node);
		urcu_memb_read_unlock();
	}
	return (run_ns() - start) / PAIRS;
}

static double kreg_pairs(struct writers *w)
{
	double start = run_ns();
	uint32_t i;

	for (i = 0; i < PAIRS; i++) {
		const void *key = w->keys[i % w->keys_used];
		uint64_t value = i;
		int err = kreg_register(w->k, key, NUMBERED_SIZE, &value, sizeof(value), NULL);

		if (err)
			die("kreg_register", err);
		err = kreg_unregister(w->k, key, NUMBERED_SIZE);
		if (err != 1)
			die("kreg_unregister", err);
	}
	return (run_ns() - start) / PAIRS;
}

static double lfht_few(void *state)
{
	return lfht_pairs((struct writers *)state + FEW_KEYS);
}

static double kreg_few(void *state)
{
	return kreg_pairs((struct writers *)state + FEW_KEYS);
}

static double lfht_many(void *state)
{
	return lfht_pairs((struct writers *)state + MANY_KEYS);
}

static double kreg_many(void *state)
{
	return kreg_pairs((struct writers *)state + MANY_KEYS);
}

static void writers_open(struct writers *w, const struct bench_options *options,
			 const char *registry)
{
	unsigned long buckets = w->others ? 1 << 17 : FEW;
	uint32_t i;

	w->k = registry_open(options, registry);
	w->keys = room(w->keys_used * sizeof(*w->keys));
	for (i = 0; i < w->keys_used; i++)
		numbered_key(w->keys[i], w->others + i);
	w->ht = cds_lfht_new_flavor(buckets, buckets, buckets, 0, &urcu_memb_flavor, NULL);
	if (!w->ht)
		die("cds_lfht_new_flavor", -ENOMEM);
	w->nodes = room((w->others + NODES) * sizeof(*w->nodes));
	for (i = 0; i < w->others; i++) {
		numbered_key(w->nodes[i].key, i);
		urcu_memb_read_lock();
		node_add(w, &w->nodes[i]);
		urcu_memb_read_unlock();
	}
}

static void writers_close(struct writers *w)
{
	uint32_t i;

	urcu_memb_read_lock();
	for (i = 0; i < w->others; i++)
		cds_lfht_del(w->ht, &w->nodes[i].node);
	urcu_memb_read_unlock();
	urcu_memb_synchronize_rcu();
	cds_lfht_destroy(w->ht, NULL);
	free(w->nodes);
	free(w->keys);
	kreg_close(w->k);
}

static void write_run(const struct bench_options *options)
{
	static const struct way ways[] = {
		{ "few keys: cds_lfht add, del", lfht_few },
		{ "few keys: kreg_register, kreg_unregister", kreg_few, "<= 5, and <= 250 ns" },
		{ "among 100,000: cds_lfht add, del", lfht_many, .to = 2 },
		{ "among 100,000: kreg_register, _unregister", kreg_many, .to = 2 },
	};
	struct writers cases[CASES] = { { .keys_used = FEW },
					{ .others = OTHERS, .keys_used = PAIRS } };
	struct holders *holders = holders_start(options, "many", 1, OTHERS, NULL);

	urcu_memb_register_thread();
	writers_open(&cases[FEW_KEYS], options, "few");
	writers_open(&cases[MANY_KEYS], options, "many");
	title_print(options, "A registration and its end");
	row_heading("lfht");
	ways_compare(options, ways, 4, "ns", cases);
	writers_close(&cases[FEW_KEYS]);
	writers_close(&cases[MANY_KEYS]);
	urcu_memb_unregister_thread();
	holders_end(holders);
	registry_destroy(options, "few");
	registry_destroy(options, "many");
}

const struct table table_write = { "write", "register and unregister beside lfht's add and del",
				   write_run };
