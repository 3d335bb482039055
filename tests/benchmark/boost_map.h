/* SPDX-License-Identifier: MIT */
/*
 * A map from names to values as one makes it with Boost.Interprocess: boost::unordered_map in
 * managed_shared_memory, behind an interprocess_sharable_mutex. boost_map.cc is C++, and linked
 * only where g++ and Boost's headers were there when this was configured; elsewhere
 * boost_map_create is NULL.
 *
 * It leaves out: owners that die, of which it knows nothing; and a process that is killed while
 * it has the mutex, which blocks all others for ever.
 */
#ifndef KREG_BENCHMARK_BOOST_MAP_H
#define KREG_BENCHMARK_BOOST_MAP_H

#include <stddef.h>
#include <sys/types.h>

#ifdef __cplusplus
extern "C" {
#endif

struct boost_map;

/* How a map keeps its keys. */
enum boost_keys {
	BOOST_STRINGS,   /* strings of any length, as kreg does; values too */
	BOOST_FIXED_32_8 /* 32 bytes within the node, and 8 bytes of value: no other sizes */
};

/*
 * An empty map in memory for @entries. NULL: there is not so much, or another one has @name.
 * boost_map_destroy() ends it.
 */
struct boost_map *boost_map_create(const char *name, enum boost_keys keys, size_t entries,
				   size_t entry_size) __attribute__((weak));
void boost_map_destroy(struct boost_map *map) __attribute__((weak));

/* 1: added; 0: it was there, or there is no memory left. */
int boost_map_add(struct boost_map *map, const void *key, size_t key_size, const void *value,
		  size_t value_size) __attribute__((weak));
/* 1: removed; 0: it was not there. */
int boost_map_remove(struct boost_map *map, const void *key, size_t key_size) __attribute__((weak));
/* Copies the value, and returns its size; -1: it is not there. @value has room for any. */
ssize_t boost_map_find(struct boost_map *map, const void *key, size_t key_size, void *value)
	__attribute__((weak));

#ifdef __cplusplus
}
#endif

#endif
