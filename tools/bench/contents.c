/* SPDX-License-Identifier: MIT */
/*
 * The names: random keys that differ in their first four bytes, each with its number as the value;
 * and, in random order, those that are looked up. A list has two halves: looking up one brings
 * back to the cache what others have displaced, then the other is timed.
 */
#include "tools/bench/bench.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Keys of half a list: enough that it does not fit into the innermost caches with its entries. */
#define HALF_LEAST (1u << 14)
#define HALF_MOST (1u << 16)
/* Registrations between two looks whether it was interrupted. */
#define OFTEN 1024u

static uint32_t draw(unsigned short state[3])
{
	return (uint32_t)jrand48(state);
}

static unsigned char *key_at(const struct bench *b, uint32_t number)
{
	return b->keys + (size_t)number * BENCH_KEY_SIZE;
}

static int make_keys(struct bench *b, unsigned short state[3])
{
	uint32_t i, word;
	size_t at;

	b->keys = calloc(2 * (size_t)b->count, BENCH_KEY_SIZE);
	if (!b->keys)
		return -ENOMEM;
	for (i = 0; i < 2 * b->count; i++) {
		memcpy(key_at(b, i), &i, sizeof(i));
		for (at = sizeof(i); at < BENCH_KEY_SIZE; at += sizeof(word)) {
			word = draw(state);
			memcpy(key_at(b, i) + at, &word, sizeof(word));
		}
	}
	return 0;
}

/* Of @count keys from number @first on. */
static int make_list(struct bench *b, struct bench_list *list, uint32_t first, bool has_refs,
		     unsigned short state[3])
{
	uint32_t i, size = 2 * b->half;
	unsigned char *key;

	list->keys = calloc(size, BENCH_KEY_SIZE);
	if (has_refs)
		list->refs = calloc(size, sizeof(*list->refs));
	if (!list->keys || (has_refs && !list->refs))
		return -ENOMEM;
	for (i = 0; i < size; i++) {
		key = list->keys + (size_t)i * BENCH_KEY_SIZE;
		memcpy(key, key_at(b, first + draw(state) % b->count), BENCH_KEY_SIZE);
		if (has_refs)
			list->refs[i] = (struct kreg_ref)KREG_REF(key, BENCH_KEY_SIZE);
	}
	return 0;
}

static int make_names(struct bench *b)
{
	uint64_t value;
	uint32_t i;
	int err;

	b->floor = floor_new(b->count, BENCH_KEY_SIZE, BENCH_VALUE_SIZE);
	if (!b->floor)
		return -ENOMEM;
	for (i = 0; i < b->count; i++) {
		if (!(i % OFTEN) && *b->interrupted)
			return -EINTR;
		value = i;
		floor_add(b->floor, key_at(b, i), &value);
		err = kreg_register(b->k, key_at(b, i), BENCH_KEY_SIZE, &value, sizeof(value),
				    NULL);
		if (err)
			return err;
	}
	return 0;
}

int bench_fill(struct bench *b)
{
	unsigned short state[3] = { 1, 2, 3 };
	int err;

	for (b->half = HALF_LEAST; b->half < HALF_MOST && b->half < b->count; b->half *= 2)
		;
	err = make_keys(b, state);
	if (!err)
		err = make_list(b, &b->hits, 0, true, state);
	if (!err)
		err = make_list(b, &b->misses, b->count, false, state);
	return err ? err : make_names(b);
}

void bench_free(struct bench *b)
{
	floor_free(b->floor);
	free(b->keys);
	free(b->hits.keys);
	free(b->hits.refs);
	free(b->misses.keys);
}
