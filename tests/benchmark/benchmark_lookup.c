/* SPDX-License-Identifier: MIT */
/*
 * Lookups beside liburcu's cds_lfht, in one run and by turns: see README.md. It uses
 * kreg.h only, like any user's program.
 *
 *   kreg    kreg_lookup(), copying the value, from a registry that other processes could share
 *   many    kreg_lookup_many(), the same for GROUP keys at a time
 *   lfht    cds_lfht_lookup() in a read section of urcu-memb, in private memory, each node one
 *           cache line, as many buckets as keys or more; the value copied
 *   fixed   the same, but its hash and comparison are compiled for keys of this very size
 *   floor   the lower bound of any table: a hash, one line of a bucket, one line of an entry
 */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* The peer at its best: its read side inlined. */
#define _LGPL_SOURCE
#include <urcu/urcu-memb.h>

#include <urcu/rculfhash.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "lib/kreg.h"

#define KEY_BYTES 32
#define LOOKUPS 1000000u /* a multiple of GROUP */
#define ROUNDS_MAX 101
#define GROUP 64u
#define REGISTRY "benchmark"

struct key {
	unsigned char bytes[KEY_BYTES];
};

struct node {
	struct cds_lfht_node node;
	struct key key;
	uint64_t value;
	uint32_t key_size;
} __attribute__((aligned(64)));

/* The query of a table with keys of any size. */
struct sought {
	const void *key;
	size_t key_size;
};

struct floor_line {
	uint32_t tags[8];
	uint32_t entries[8]; /* + 1; 0: none */
};

struct floor_entry {
	struct key key;
	uint64_t value;
} __attribute__((aligned(64)));

struct bench {
	struct kreg *k;
	struct cds_lfht *ht;
	struct node *nodes;
	struct floor_line *lines;
	struct floor_entry *entries;
	uint64_t line_mask;
	struct key *keys; /* the keys in the tables, then as many that are not */
	struct key
		*wanted; /* LOOKUPS of them in the order of the lookups: read one after another */
	size_t key_size; /* given at run time, as kreg's is */
	uint32_t count;
	uint64_t random;
};

static void die(const char *what, int err)
{
	fprintf(stderr, "benchmark_lookup: %s: %s\n", what, kreg_strerror(err));
	exit(1);
}

static void *room(size_t count, size_t size)
{
	void *at = aligned_alloc(64, (count * size + 63) & ~(size_t)63);

	if (!at)
		die("memory", -ENOMEM);
	memset(at, 0, count * size);
	return at;
}

static double now_ns(void)
{
	struct timespec at;

	clock_gettime(CLOCK_MONOTONIC, &at);
	return (double)at.tv_sec * 1e9 + (double)at.tv_nsec;
}

static uint64_t random_next(uint64_t *state)
{
	uint64_t x = *state += 0x9e3779b97f4a7c15ull;

	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9ull;
	x = (x ^ x >> 27) * 0x94d049bb133111ebull;
	return x ^ x >> 31;
}

static void keys_make(struct bench *b)
{
	uint32_t i, j;

	b->keys = room(2ul * b->count, sizeof(*b->keys));
	b->wanted = room(LOOKUPS, sizeof(*b->wanted));
	for (i = 0; i < 2 * b->count; i++) {
		for (j = 0; j < KEY_BYTES; j += 8) {
			uint64_t word = random_next(&b->random);

			memcpy(b->keys[i].bytes + j, &word, 8);
		}
	}
}

static void wanted_make(struct bench *b, bool hit)
{
	uint32_t i;

	for (i = 0; i < LOOKUPS; i++)
		b->wanted[i] = b->keys[random_next(&b->random) % b->count + (hit ? 0 : b->count)];
}

static void kreg_fill(struct bench *b)
{
	uint32_t i;
	int err;

	for (i = 0; i < b->count; i++) {
		uint64_t value = i;

		err = kreg_register(b->k, &b->keys[i], KEY_BYTES, &value, sizeof(value), NULL);
		if (err)
			die("kreg_register", err);
	}
}

static uint32_t kreg_round(struct bench *b)
{
	uint32_t i, found = 0;
	uint64_t value;

	for (i = 0; i < LOOKUPS; i++)
		found += kreg_lookup(b->k, &b->wanted[i], b->key_size, &value, sizeof(value),
				     NULL) == (ssize_t)sizeof(value);
	return found;
}

static uint32_t many_round(struct bench *b)
{
	struct kreg_found found[GROUP];
	struct kreg_key keys[GROUP];
	uint64_t values[GROUP];
	uint32_t at, i, sum = 0;

	for (i = 0; i < GROUP; i++)
		found[i] = (struct kreg_found){ .value = &values[i], .capacity = sizeof(*values) };
	for (at = 0; at < LOOKUPS; at += GROUP) {
		for (i = 0; i < GROUP; i++)
			keys[i] = (struct kreg_key){ &b->wanted[at + i], b->key_size };
		sum += (uint32_t)kreg_lookup_many(b->k, keys, found, GROUP);
	}
	return sum;
}

static int node_has_fixed_key(struct cds_lfht_node *node, const void *key)
{
	return !memcmp(&caa_container_of(node, struct node, node)->key, key, KEY_BYTES);
}

static int node_has_key(struct cds_lfht_node *node, const void *key)
{
	const struct node *at = caa_container_of(node, struct node, node);
	const struct sought *sought = key;

	return at->key_size == sought->key_size && !memcmp(&at->key, sought->key, sought->key_size);
}

static void lfht_fill(struct bench *b)
{
	uint32_t i, buckets = 1;

	while (buckets < b->count)
		buckets *= 2;
	/*
	 * The size that it would reach by itself, or twice that. But it grows in a thread
	 * of its own, some time later, and a table that is filled meanwhile may keep few
	 * buckets for long.
	 */
	b->ht = cds_lfht_new_flavor(buckets, buckets, buckets, 0, &urcu_memb_flavor, NULL);
	if (!b->ht)
		die("cds_lfht_new_flavor", -ENOMEM);
	b->nodes = room(b->count, sizeof(*b->nodes));
	for (i = 0; i < b->count; i++) {
		struct node *node = &b->nodes[i];

		cds_lfht_node_init(&node->node);
		node->key = b->keys[i];
		node->key_size = KEY_BYTES;
		node->value = i;
		urcu_memb_read_lock();
		cds_lfht_add_unique(b->ht, XXH3_64bits(&node->key, KEY_BYTES), node_has_fixed_key,
				    &node->key, &node->node);
		urcu_memb_read_unlock();
	}
}

static inline __attribute__((always_inline)) void lfht_find(struct bench *b, uint64_t hash,
							    cds_lfht_match_fct match,
							    const void *key, uint32_t *found)
{
	struct cds_lfht_iter iter;
	struct cds_lfht_node *node;
	uint64_t value;

	urcu_memb_read_lock();
	cds_lfht_lookup(b->ht, hash, match, key, &iter);
	node = cds_lfht_iter_get_node(&iter);
	if (node) {
		memcpy(&value, &caa_container_of(node, struct node, node)->value, sizeof(value));
		__asm__ volatile("" : : "r"(value));
		++*found;
	}
	urcu_memb_read_unlock();
}

static uint32_t lfht_round(struct bench *b)
{
	uint32_t i, found = 0;

	for (i = 0; i < LOOKUPS; i++) {
		struct sought sought = { &b->wanted[i], b->key_size };

		lfht_find(b, XXH3_64bits(sought.key, sought.key_size), node_has_key, &sought,
			  &found);
	}
	return found;
}

static uint32_t fixed_round(struct bench *b)
{
	uint32_t i, found = 0;

	for (i = 0; i < LOOKUPS; i++)
		lfht_find(b, XXH3_64bits(&b->wanted[i], KEY_BYTES), node_has_fixed_key,
			  &b->wanted[i], &found);
	return found;
}

static void lfht_empty(struct bench *b)
{
	uint32_t i;

	urcu_memb_read_lock();
	for (i = 0; i < b->count; i++)
		cds_lfht_del(b->ht, &b->nodes[i].node);
	urcu_memb_read_unlock();
	urcu_memb_synchronize_rcu();
	cds_lfht_destroy(b->ht, NULL);
	free(b->nodes);
}

static void floor_fill(struct bench *b)
{
	uint64_t lines = 1;
	uint32_t i, at;

	while (lines * 4 < b->count)
		lines *= 2;
	b->line_mask = lines - 1;
	b->lines = room(lines, sizeof(*b->lines));
	b->entries = room(b->count, sizeof(*b->entries));
	for (i = 0; i < b->count; i++) {
		uint64_t hash = XXH3_64bits(&b->keys[i], KEY_BYTES), line = hash & b->line_mask;

		b->entries[i].key = b->keys[i];
		b->entries[i].value = i;
		for (at = 0; b->lines[line].entries[at];) {
			if (++at < 8)
				continue;
			at = 0;
			line = (line + 1) & b->line_mask;
		}
		b->lines[line].tags[at] = (uint32_t)(hash >> 32);
		b->lines[line].entries[at] = i + 1;
	}
}

static bool floor_find(const struct bench *b, const struct key *key, uint64_t *value)
{
	uint64_t hash = XXH3_64bits(key, KEY_BYTES), at = hash & b->line_mask;
	uint32_t i;

	for (;; at = (at + 1) & b->line_mask) {
		const struct floor_line *line = &b->lines[at];

		for (i = 0; i < 8; i++) {
			const struct floor_entry *entry = &b->entries[line->entries[i] - 1];

			if (!line->entries[i])
				return false;
			if (line->tags[i] != (uint32_t)(hash >> 32) ||
			    memcmp(&entry->key, key, KEY_BYTES))
				continue;
			*value = entry->value;
			return true;
		}
	}
}

static uint32_t floor_round(struct bench *b)
{
	uint32_t i, found = 0;
	uint64_t value;

	for (i = 0; i < LOOKUPS; i++) {
		if (!floor_find(b, &b->wanted[i], &value))
			continue;
		__asm__ volatile("" : : "r"(value));
		found++;
	}
	return found;
}

/*
 * The second of two rounds: the other tables have displaced this one from the cache, and
 * the first round brings it back.
 */
static double timed(struct bench *b, uint32_t (*round)(struct bench *), bool hit)
{
	uint32_t found = round(b);
	double start = now_ns();

	found = round(b);
	if (found != (hit ? LOOKUPS : 0)) {
		fprintf(stderr, "benchmark_lookup: %u of %u found\n", found, hit ? LOOKUPS : 0);
		exit(1);
	}
	return (now_ns() - start) / LOOKUPS;
}

static int by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double median(double *of, int count)
{
	qsort(of, (size_t)count, sizeof(*of), by_size);
	return of[count / 2];
}

/* The tables, in turn. */
enum table { KREG, MANY, LFHT, FIXED, FLOOR, TABLES };
static uint32_t (*const rounds_of[TABLES])(struct bench *) = { kreg_round, many_round, lfht_round,
							       fixed_round, floor_round };

static void measure(struct bench *b, bool hit, int rounds)
{
	double ns[TABLES][ROUNDS_MAX], ratio[TABLES][ROUNDS_MAX], middle[TABLES];
	int i, table;

	wanted_make(b, hit);
	for (i = 0; i < rounds; i++) {
		for (table = 0; table < TABLES; table++)
			ns[table][i] = timed(b, rounds_of[table], hit);
		for (table = 0; table < TABLES; table++)
			ratio[table][i] = ns[KREG][i] / ns[table][i];
	}
	for (table = 0; table < TABLES; table++)
		middle[table] = median(ratio[table], rounds);
	printf("%9u  %-4s", b->count, hit ? "hit" : "miss");
	for (table = 0; table < TABLES; table++)
		printf("  %6.1f", median(ns[table], rounds));
	for (table = MANY; table < TABLES; table++)
		printf("  %5.2f (%4.2f-%4.2f)", middle[table], ratio[table][0],
		       ratio[table][rounds - 1]);
	printf("\n");
	fflush(stdout);
}

static void run(const struct kreg_options *options, uint32_t count, int rounds)
{
	struct bench b = { .count = count, .key_size = KEY_BYTES, .random = 1 };
	int err = kreg_open(&b.k, REGISTRY, options);

	if (err)
		die("kreg_open", err);
	keys_make(&b);
	kreg_fill(&b);
	lfht_fill(&b);
	floor_fill(&b);
	measure(&b, true, rounds);
	measure(&b, false, rounds);
	lfht_empty(&b);
	kreg_close(b.k);
	err = kreg_destroy(REGISTRY, options, 1);
	if (err)
		die("kreg_destroy", err);
	free(b.keys);
	free(b.wanted);
	free(b.lines);
	free(b.entries);
}

static const char help[] =
	"Usage: benchmark_lookup [--keys N] [--rounds N] [--guard PATH]\n"
	"Lookups of kreg beside liburcu's cds_lfht, by turns.\n"
	"  --keys N      with so many keys; else with 1,000, 100,000 and 1,000,000\n"
	"  --rounds N    turns (default 9)\n"
	"  --guard PATH  under the guard that runs there; else in the fallback\n";

static int options_read(int argc, char **argv, struct kreg_options *options, uint32_t *keys)
{
	static const struct option names[] = {
		{ "keys", required_argument, NULL, 'k' },
		{ "rounds", required_argument, NULL, 'r' },
		{ "guard", required_argument, NULL, 'g' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	int option, rounds = 9;

	while ((option = getopt_long(argc, argv, "", names, NULL)) >= 0) {
		if (option == 'k')
			*keys = (uint32_t)strtoul(optarg, NULL, 0);
		else if (option == 'r')
			rounds = atoi(optarg);
		else if (option == 'g')
			options->guard = optarg;
		else
			rounds = 0;
	}
	if (rounds > 0 && rounds <= ROUNDS_MAX && optind == argc)
		return rounds;
	fputs(help, stderr);
	exit(2);
}

int main(int argc, char **argv)
{
	static const uint32_t sizes[] = { 1000, 100000, 1000000 };
	char directory[64];
	uint32_t keys = 0, i;
	int rounds;

	snprintf(directory, sizeof(directory), "/dev/shm/kreg-benchmark-%d", getpid());
	KREG_OPTIONS(options, .directory = directory, .guard = "none");
	rounds = options_read(argc, argv, &options, &keys);
	if (mkdir(directory, 0700))
		die(directory, -errno);
	urcu_memb_register_thread();
	printf("ns for each lookup, median of %d rounds of %u; 32-byte keys, 8-byte values\n"
	       "     keys          kreg    many    lfht   fixed   floor  "
	       "   kreg to many       to lfht            to fixed           to floor\n",
	       rounds, LOOKUPS);
	for (i = 0; i < (keys ? 1 : 3); i++)
		run(&options, keys ? keys : sizes[i], rounds);
	urcu_memb_unregister_thread();
	return rmdir(directory) ? 1 : 0;
}
