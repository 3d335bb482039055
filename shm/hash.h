/* SPDX-License-Identifier: MIT */
/*
 * The hash of keys: which bucket an entry is in, and its order in the list.
 *
 * A key of up to HASH_SHORT_MAX bytes is read as words, each XORed with a secret one. Two of
 * them are multiplied into 128 bits, the halves of the product XORed with the next two and
 * multiplied again; the halves of the last product are multiplied with each other, and the
 * upper bits of that are the hash. Wang Yi's wyhash and Khuong's umash are made of the same steps. It
 * takes 13 instructions for a key of 17 to 32 bytes, where XXH3 takes 40, and a lookup has some
 * 100 in all. Longer keys are left to XXH3.
 *
 * A process that does not know the secret words cannot choose keys that collide more often than
 * others: the difference of two products is unknown in all bits, whatever the difference of the
 * factors, because the other factor is. A size has a secret word of its own: were the size itself
 * XORed in, the words of a key of another size could make up for it. The last multiplication is
 * for keys that count up: without it their hashes are multiples of one number, which for some
 * seeds fill few buckets.
 *
 * Promises  the same key has the same hash in all processes that use the same seed.
 * Needs     a seed that nobody can guess who may choose keys.
 * Context   any.
 * Used by   query.h; hash_seed_make() by segment.c.
 */
#ifndef KREG_SHM_HASH_H
#define KREG_SHM_HASH_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <urcu/compiler.h>

#define HASH_SHORT_MAX 64u
/* As many as an order has room for (place.h). */
#define HASH_ORDER_BITS 30

/* Made from the seed in the segment's header; private and constant. */
struct hash_seed {
	uint64_t words[7];
	/* for long keys */
	uint64_t whole;
	uint64_t sizes[HASH_SHORT_MAX + 1];
};

/* Vigna's splitmix64: a permutation for each word, from a counter. */
static inline uint64_t hash_seed_next(uint64_t *state)
{
	uint64_t word = *state += 0x9e3779b97f4a7c15ull;

	word = (word ^ word >> 30) * 0xbf58476d1ce4e5b9ull;
	word = (word ^ word >> 27) * 0x94d049bb133111ebull;
	return word ^ word >> 31;
}

static inline void hash_seed_make(struct hash_seed *out, uint64_t seed)
{
	size_t i;

	out->whole = seed;
	for (i = 0; i < sizeof(out->words) / sizeof(out->words[0]); i++)
		out->words[i] = hash_seed_next(&seed);
	for (i = 0; i <= HASH_SHORT_MAX; i++)
		out->sizes[i] = hash_seed_next(&seed);
}

/* Keeps the compiler from making another order of what comes before and behind. */
#define HASH_IN_ORDER(word) __asm__("" : "+r"(word))

struct hash_wide {
	uint64_t low, high;
};

static inline __attribute__((always_inline)) struct hash_wide hash_multiply(uint64_t a, uint64_t b)
{
#ifdef __x86_64__
	struct hash_wide product;

	/* The compiler would keep a product of 128 bits in two further registers. */
	__asm__("mulq %3" : "=a"(product.low), "=d"(product.high) : "%a"(a), "r"(b) : "cc");
	return product;
#elif defined(__SIZEOF_INT128__)
	unsigned __int128 product = (unsigned __int128)a * b;

	return (struct hash_wide){ (uint64_t)product, (uint64_t)(product >> 64) };
#else
	uint64_t low = (a & 0xffffffff) * (b & 0xffffffff), high = (a >> 32) * (b >> 32);
	uint64_t one = (a >> 32) * (b & 0xffffffff), two = (a & 0xffffffff) * (b >> 32);
	uint64_t middle = (low >> 32) + (one & 0xffffffff) + two;

	return (struct hash_wide){ middle << 32 | (low & 0xffffffff),
				   high + (one >> 32) + (middle >> 32) };
#endif
}

/*
 * The upper bits of both halves: the lowest bits of a product depend on few bits of its factors.
 */
static inline uint32_t hash_end(struct hash_wide product)
{
	product = hash_multiply(product.low, product.high);
	return (uint32_t)((product.low ^ product.high) >> (64 - HASH_ORDER_BITS));
}

static inline uint64_t hash_word(const unsigned char *at)
{
	uint64_t word;

	memcpy(&word, at, sizeof(word));
	return word;
}

static inline uint32_t hash_half(const unsigned char *at)
{
	uint32_t half;

	memcpy(&half, at, sizeof(half));
	return half;
}

static inline __attribute__((always_inline)) uint32_t
hash_to_16(const struct hash_seed *seed, const unsigned char *key, size_t size)
{
	uint64_t a, b = 0;

	if (caa_likely(size >= 8)) {
		a = hash_word(key);
		b = hash_word(key + size - 8);
	} else if (size >= 4) {
		a = hash_half(key);
		b = hash_half(key + size - 4);
	} else {
		a = size ? key[0] | (uint32_t)key[size / 2] << 8 | (uint32_t)key[size - 1] << 16
			 : 0;
	}
	return hash_end(hash_multiply(a ^ seed->words[0], b ^ seed->sizes[size]));
}

static inline __attribute__((always_inline)) uint32_t
hash_17_to_32(const struct hash_seed *seed, const unsigned char *key, size_t size)
{
	struct hash_wide product =
		hash_multiply(hash_word(key) ^ seed->words[0], hash_word(key + 8) ^ seed->words[1]);

	/* One after the other into the product, which takes no further registers. */
	product.low ^= hash_word(key + size - 8);
	HASH_IN_ORDER(product.low);
	product.high ^= hash_word(key + size - 16);
	HASH_IN_ORDER(product.high);
	return hash_end(
		hash_multiply(product.low ^ seed->words[2], product.high ^ seed->sizes[size]));
}

/* The last product has its halves the other way round, so that equal ones do not cancel out. */
static inline __attribute__((always_inline)) uint32_t
hash_33_to_64(const struct hash_seed *seed, const unsigned char *key, size_t size)
{
	struct hash_wide sum =
		hash_multiply(hash_word(key) ^ seed->words[0], hash_word(key + 8) ^ seed->words[1]);
	struct hash_wide product = hash_multiply(hash_word(key + 16) ^ seed->words[2],
						 hash_word(key + 24) ^ seed->words[3]);

	sum.low ^= product.high;
	sum.high ^= product.low;
	if (size > 48) {
		product = hash_multiply(hash_word(key + 32) ^ seed->words[4],
					hash_word(key + 40) ^ seed->words[5]);
		sum.low += product.low;
		sum.high += product.high;
	}
	return hash_end(hash_multiply(sum.low ^ hash_word(key + size - 16) ^ seed->words[6],
				      sum.high ^ hash_word(key + size - 8) ^ seed->sizes[size]));
}

/*
 * For keys of more than HASH_SHORT_MAX bytes. Not inlined: it is long, and what it is called by has
 * short keys mostly.
 */
static __attribute__((noinline, unused)) uint32_t hash_long(const struct hash_seed *seed,
							    const unsigned char *key, size_t size)
{
	return (uint32_t)(XXH3_64bits_withSeed(key, size, seed->whole) >> (64 - HASH_ORDER_BITS));
}

static inline __attribute__((always_inline)) uint32_t hash_key(const struct hash_seed *seed,
							       const void *key, size_t size)
{
	if (caa_likely(size - 17 < 16))
		return hash_17_to_32(seed, key, size);
	if (size <= 16)
		return hash_to_16(seed, key, size);
	if (size <= HASH_SHORT_MAX)
		return hash_33_to_64(seed, key, size);
	return hash_long(seed, key, size);
}

#endif
