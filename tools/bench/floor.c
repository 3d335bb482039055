/* SPDX-License-Identifier: MIT */
/*
 * The floor: the least that a table of names with owners can do for a lookup. It hashes the
 * key, as kreg does; reads one line, of eight tags and eight places; compares the tags;
 * reads one entry; compares the key; looks whether the owner's life goes on; copies the
 * value. It has a function for each usual size of keys, chosen beforehand, and is called
 * through a pointer, which costs what a call of a library costs.
 *
 * It leaves out all that makes a registry of it: writers beside it, growth, deletion, grace
 * periods and the check for memory that was reused meanwhile, the check of each place
 * against damaged memory, keys and values of different sizes in one table, the seed that
 * protects against crafted keys, the owner as a result, names that are reserved or wait in
 * line, partitions, and the check of its arguments. It is in private memory, and knows how
 * many keys there will be.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "tools/bench/floor.h"

#define SLOTS 8

/* Filled from the first slot on. */
struct line {
	uint32_t tags[SLOTS];
	uint32_t places[SLOTS]; /* 0: none */
} __attribute__((aligned(64)));

struct entry {
	uint64_t life; /* what the owner's life word is while the owner lives */
	uint32_t seat;
	unsigned char bytes[]; /* the key, then the value */
};

struct floor;

typedef ssize_t (*find_fn)(const struct floor *f, const void *key, void *value);

struct floor {
	struct line *lines;
	uint64_t mask;
	unsigned char *entries; /* the first one is not used */
	size_t entry_lines;
	uint64_t *lives;
	find_fn find;
	size_t key_size; /* of all keys */
	size_t value_size;
	uint32_t count; /* that were added */
};

static const struct entry *entry_at(const struct floor *f, uint32_t place)
{
	return (const struct entry *)(f->entries + place * 64ul);
}

/*
 * Two bits for each slot that has @tag, in the order of the slots; without branches, because
 * none could be predicted.
 */
static inline uint32_t line_match(const struct line *line, uint32_t tag)
{
#ifdef __SSE2__
	const __m128i *tags = (const __m128i *)line->tags;
	__m128i wanted = _mm_set1_epi32((int)tag);

	return (uint32_t)_mm_movemask_epi8(
		_mm_packs_epi32(_mm_cmpeq_epi32(_mm_load_si128(tags), wanted),
				_mm_cmpeq_epi32(_mm_load_si128(tags + 1), wanted)));
#else
	uint32_t match = 0, i;

	for (i = 0; i < SLOTS; i++)
		match |= line->tags[i] == tag ? 3u << 2 * i : 0;
	return match;
#endif
}

static inline uint32_t first_slot(uint32_t match)
{
	return (uint32_t)__builtin_ctz(match) / 2;
}

static inline __attribute__((always_inline)) ssize_t found(const struct floor *f,
							   const struct entry *entry,
							   size_t key_size, size_t value_size,
							   void *value)
{
	if (f->lives[entry->seat] != entry->life)
		return -ENOENT;
	memcpy(value, entry->bytes + key_size, value_size);
	return (ssize_t)value_size;
}

/* The unusual: two keys with one tag, or a line that is full. */
static __attribute__((noinline)) ssize_t find_on(const struct floor *f, const void *key,
						 void *value)
{
	uint64_t hash = XXH3_64bits(key, f->key_size), at = hash & f->mask;

	for (;; at = (at + 1) & f->mask) {
		const struct line *line = &f->lines[at];
		uint32_t match = line_match(line, (uint32_t)(hash >> 32));

		for (; match; match &= match - 1, match &= match - 1) {
			const struct entry *entry = entry_at(f, line->places[first_slot(match)]);

			if (!memcmp(entry->bytes, key, f->key_size))
				return found(f, entry, f->key_size, f->value_size, value);
		}
		if (!line->places[SLOTS - 1])
			return -ENOENT;
	}
}

static inline __attribute__((always_inline)) ssize_t
find(const struct floor *f, const void *key, size_t key_size, size_t value_size, void *value)
{
	uint64_t hash = XXH3_64bits(key, key_size);
	const struct line *line = &f->lines[hash & f->mask];
	uint32_t match = line_match(line, (uint32_t)(hash >> 32));
	const struct entry *entry;

	if (!match)
		return line->places[SLOTS - 1] ? find_on(f, key, value) : -ENOENT;
	entry = entry_at(f, line->places[first_slot(match)]);
	if (memcmp(entry->bytes, key, key_size))
		return find_on(f, key, value);
	return found(f, entry, key_size, value_size, value);
}

/* A function for each usual pair of sizes, in which hash, comparison and copy are compiled for it. */
#define FIND(name, key_size, value_size)                                                           \
	static __attribute__((noinline)) ssize_t name(const struct floor *f, const void *key,      \
						      void *value)                                 \
	{                                                                                          \
		return find(f, key, key_size, value_size, value);                                  \
	}

FIND(find_8_8, 8, 8)
FIND(find_16_8, 16, 8)
FIND(find_24_8, 24, 8)
FIND(find_32_8, 32, 8)
FIND(find_40_8, 40, 8)
FIND(find_32_0, 32, 0)
FIND(find_32_24, 32, 24)
FIND(find_32_100, 32, 100)
FIND(find_any, f->key_size, f->value_size)

static const struct {
	size_t key_size;
	size_t value_size;
	find_fn find;
} finds[] = {
	{ 8, 8, find_8_8 },     { 16, 8, find_16_8 },     { 24, 8, find_24_8 },
	{ 32, 8, find_32_8 },   { 40, 8, find_40_8 },     { 32, 0, find_32_0 },
	{ 32, 24, find_32_24 }, { 32, 100, find_32_100 },
};

static find_fn find_for(size_t key_size, size_t value_size)
{
	size_t i;

	for (i = 0; i < sizeof(finds) / sizeof(finds[0]); i++) {
		if (finds[i].key_size == key_size && finds[i].value_size == value_size)
			return finds[i].find;
	}
	return find_any;
}

/* Zeroed, and on a line of the cache. */
static void *room(size_t bytes)
{
	size_t size = (bytes + 63) & ~(size_t)63;
	void *at = aligned_alloc(64, size);

	if (at)
		memset(at, 0, size);
	return at;
}

struct floor *floor_new(uint32_t count, size_t key_size, size_t value_size)
{
	struct floor *f = calloc(1, sizeof(*f));
	uint64_t lines = 1;

	if (!f)
		return NULL;
	while (lines * 4 < count)
		lines *= 2;
	f->key_size = key_size;
	f->value_size = value_size;
	f->entry_lines = (sizeof(struct entry) + key_size + value_size + 63) / 64;
	f->find = find_for(key_size, value_size);
	f->mask = lines - 1;
	f->lines = room(lines * sizeof(*f->lines));
	f->entries = room((count + 1ul) * f->entry_lines * 64);
	f->lives = room(64);
	if (!f->lines || !f->entries || !f->lives) {
		floor_free(f);
		return NULL;
	}
	*f->lives = 0x100000001;
	return f;
}

void floor_free(struct floor *f)
{
	if (!f)
		return;
	free(f->lines);
	free(f->entries);
	free(f->lives);
	free(f);
}

void floor_add(struct floor *f, const void *key, const void *value)
{
	uint64_t hash = XXH3_64bits(key, f->key_size), at = hash & f->mask;
	uint32_t place = (uint32_t)(++f->count * f->entry_lines);
	struct entry *entry = (struct entry *)(f->entries + place * 64ul);
	int i = 0;

	entry->life = *f->lives;
	entry->seat = 0;
	memcpy(entry->bytes, key, f->key_size);
	memcpy(entry->bytes + f->key_size, value, f->value_size);
	while (f->lines[at].places[i]) {
		if (++i < SLOTS)
			continue;
		at = (at + 1) & f->mask;
		i = 0;
	}
	f->lines[at].tags[i] = (uint32_t)(hash >> 32);
	f->lines[at].places[i] = place;
}

uint32_t floor_look(const struct floor *f, const void *keys, uint32_t count)
{
	size_t key_size = f->key_size;
	ssize_t value_size = (ssize_t)f->value_size;
	const unsigned char *key = keys, *end = key + count * key_size;
	unsigned char value[FLOOR_VALUE_MAX];
	find_fn look = f->find;
	uint32_t found_keys = 0;

	for (; key < end; key += key_size)
		found_keys += look(f, key, value) == value_size;
	return found_keys;
}
