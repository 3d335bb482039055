/* SPDX-License-Identifier: MIT */
/*
 * A contestant in the table of lookups: one way to find a value of a key.
 *
 * Each has the loop of its callers in a function of its own, so that what is compiled into
 * the caller is, and what is called through the library's table of functions is too. The
 * list of keys is the same for all, and is read from its beginning to its end, so that its
 * cost is the same for all and is no miss of the cache.
 */
#ifndef KREG_BENCHMARK_CONTESTANT_H
#define KREG_BENCHMARK_CONTESTANT_H

#include <stddef.h>
#include <stdint.h>

#include "tests/benchmark/bench.h"

#define VALUE_SIZE_MAX 4096
#define MANY 32u /* keys that one call of kreg_lookup_many() gets; lists are a multiple of it */

/* What each contestant has to find. */
struct contents {
	const struct bench_options *options;
	const unsigned char *keys; /* @count of them, one behind the other */
	uint32_t count;
	size_t key_size;
	size_t value_size; /* each value: the number of the key, then zeros */
};

/* The keys that are looked up, one behind the other. */
struct list {
	const unsigned char *keys;
	struct kreg_ref *refs;   /* to these */
	const uint32_t *numbers; /* which of the contents; for those that remember a key */
	uint32_t count;
};

struct contestant {
	const char *name;
	/* NULL: it doesn't take part in hits, or in misses. Return how many they found. */
	uint32_t (*hit)(void *table, const struct list *list);
	uint32_t (*miss)(void *table, const struct list *list);
	void *(*open)(const struct contents *contents);
	void (*close)(void *table);
	/* Ratios to the floor. */
	const char *hit_goal;
	const char *miss_goal;
};

extern const struct contestant contestant_floor, contestant_kreg_lookup, contestant_kreg_away,
	contestant_kreg_ref, contestant_kreg_ref_far, contestant_kreg_section, contestant_kreg_read,
	contestant_kreg_many, contestant_lfht, contestant_rwlock;

/* Their packages may be missing. */
extern const struct contestant contestant_ck __attribute__((weak));
extern const struct contestant contestant_glib __attribute__((weak));
extern const struct contestant contestant_boost __attribute__((weak));

/* The compiler has to produce the value that was copied to @value. */
static inline void value_used(const void *value)
{
	__asm__ volatile("" : : "r"(value) : "memory");
}

#endif
