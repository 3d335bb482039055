/* SPDX-License-Identifier: MIT */
/*
 * The floor: the least that a table of names with owners can do for a lookup. It hashes the
 * key, as kreg does; reads one line, of eight tags and eight places; compares the tags;
 * reads one entry; compares the key; looks whether the owner's life goes on; copies the
 * value.
 *
 * It leaves out all that makes a registry of it: writers beside it, growth, deletion, grace
 * periods and the check for memory that was reused meanwhile, the check of each place
 * against damaged memory, sizes of keys and values beyond what an entry holds, names that
 * are reserved or wait in line, partitions, and the check of its arguments. It is in private
 * memory, and knows how many keys there will be.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "tests/benchmark/contestant.h"

#define SLOTS 8

typedef uint32_t four_t __attribute__((vector_size(16)));
typedef uint64_t two_t __attribute__((vector_size(16)));

/* Filled from the first slot on. */
struct line {
	four_t tags[2];
	uint32_t places[SLOTS]; /* 0: none */
} __attribute__((aligned(64)));

struct entry {
	uint64_t life; /* what the owner's life word is while the owner lives */
	uint32_t seat;
	uint32_t value_size;
	unsigned char bytes[]; /* the key, then the value */
};

struct floor;

typedef ssize_t (*find_fn)(const struct floor *f, const void *key, size_t key_size, void *value,
			   size_t capacity, uint64_t *owner);

struct floor {
	struct line *lines;
	uint64_t mask;
	uint64_t seed;
	unsigned char *entries; /* the first one is not used */
	size_t entry_lines;
	uint64_t *lives;
	find_fn find;
	size_t key_size; /* of all keys */
	size_t value_size;
};

static const struct entry *entry_at(const struct floor *f, uint32_t place)
{
	return (const struct entry *)(f->entries + place * 64ul);
}

/* A bit for each slot that has @tag; without branches, because none could be predicted. */
static inline uint32_t line_match(const struct line *line, uint32_t tag)
{
	four_t match = ((line->tags[0] == tag) & (four_t){ 1, 2, 4, 8 }) |
		       ((line->tags[1] == tag) & (four_t){ 16, 32, 64, 128 });
	two_t halves = (two_t)match;
	uint64_t both = halves[0] | halves[1];

	return (uint32_t)(both | both >> 32);
}

static inline __attribute__((always_inline)) ssize_t find(const struct floor *f, const void *key,
							  size_t key_size, void *value,
							  size_t capacity, uint64_t *owner)
{
	uint64_t hash = XXH3_64bits_withSeed(key, key_size, f->seed), at = hash & f->mask;

	for (;; at = (at + 1) & f->mask) {
		const struct line *line = &f->lines[at];
		uint32_t match = line_match(line, (uint32_t)(hash >> 32));

		for (; match; match &= match - 1) {
			const struct entry *entry = entry_at(f, line->places[__builtin_ctz(match)]);

			if (memcmp(entry->bytes, key, key_size))
				continue;
			if (f->lives[entry->seat] != entry->life)
				return -ENOENT;
			*owner = entry->life;
			if (entry->value_size == 8 && capacity >= 8)
				memcpy(value, entry->bytes + key_size, 8);
			else if (entry->value_size <= capacity)
				memcpy(value, entry->bytes + key_size, entry->value_size);
			return entry->value_size;
		}
		if (!line->places[SLOTS - 1])
			return -ENOENT;
	}
}

/* A function for each usual size of keys, in which hash and comparison are compiled for it. */
#define FIND(name, size)                                                                           \
	static __attribute__((noinline)) ssize_t name(const struct floor *f, const void *key,      \
						      size_t key_size, void *value,                \
						      size_t capacity, uint64_t *owner)            \
	{                                                                                          \
		(void)key_size;                                                                    \
		return find(f, key, size, value, capacity, owner);                                 \
	}

FIND(find_8, 8)
FIND(find_16, 16)
FIND(find_24, 24)
FIND(find_32, 32)
FIND(find_40, 40)
FIND(find_any, key_size)

static find_fn find_for(size_t key_size)
{
	switch (key_size) {
	case 8:
		return find_8;
	case 16:
		return find_16;
	case 24:
		return find_24;
	case 32:
		return find_32;
	case 40:
		return find_40;
	default:
		return find_any;
	}
}

static void floor_add(struct floor *f, uint32_t number, const unsigned char *key)
{
	uint64_t hash = XXH3_64bits_withSeed(key, f->key_size, f->seed), at = hash & f->mask;
	uint32_t place = (uint32_t)((number + 1) * f->entry_lines);
	struct entry *entry = (struct entry *)(f->entries + place * 64ul);
	int i = 0;

	entry->life = *f->lives;
	entry->value_size = (uint32_t)f->value_size;
	memcpy(entry->bytes, key, f->key_size);
	value_make(entry->bytes + f->key_size, f->value_size, number);
	while (f->lines[at].places[i]) {
		if (++i < SLOTS)
			continue;
		at = (at + 1) & f->mask;
		i = 0;
	}
	f->lines[at].tags[i / 4][i % 4] = (uint32_t)(hash >> 32);
	f->lines[at].places[i] = place;
}

static void *floor_open(const struct contents *contents)
{
	struct floor *f = room(sizeof(*f));
	uint64_t lines = 1;
	uint32_t i;

	while (lines * 4 < contents->count)
		lines *= 2;
	f->key_size = contents->key_size;
	f->value_size = contents->value_size;
	f->entry_lines = (sizeof(struct entry) + f->key_size + f->value_size + 63) / 64;
	f->find = find_for(f->key_size);
	f->seed = 0x5eed;
	f->mask = lines - 1;
	f->lines = room(lines * sizeof(*f->lines));
	f->entries = room((contents->count + 1ul) * f->entry_lines * 64);
	f->lives = room(64);
	*f->lives = 0x100000001;
	for (i = 0; i < contents->count; i++)
		floor_add(f, i, contents->keys + i * f->key_size);
	return f;
}

static uint32_t floor_look(void *table, const struct list *list)
{
	const struct floor *f = table;
	size_t key_size = f->key_size, value_size = f->value_size;
	unsigned char value[VALUE_SIZE_MAX];
	find_fn look = f->find;
	uint32_t i, found = 0;
	uint64_t owner;

	for (i = 0; i < list->count; i++)
		found += look(f, list->keys + i * key_size, key_size, value, sizeof(value),
			      &owner) == (ssize_t)value_size;
	return found;
}

static void floor_close(void *table)
{
	struct floor *f = table;

	free(f->lines);
	free(f->entries);
	free(f->lives);
	free(f);
}

const struct contestant contestant_floor = {
	.name = "floor",
	.open = floor_open,
	.hit = floor_look,
	.miss = floor_look,
	.close = floor_close,
};
