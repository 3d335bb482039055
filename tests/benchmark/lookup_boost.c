/* SPDX-License-Identifier: MIT */
/* A peer: Boost.Interprocess, with keys and values that are strings (boost_map.h). */
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "tests/benchmark/boost_map.h"
#include "tests/benchmark/contestant.h"

static size_t key_size, value_size;

static void *boost_open(const struct contents *contents)
{
	unsigned char value[VALUE_SIZE_MAX];
	struct boost_map *map;
	char name[64];
	uint32_t i;

	key_size = contents->key_size;
	value_size = contents->value_size;
	snprintf(name, sizeof(name), "kreg-benchmark-%d.boost", getpid());
	map = boost_map_create(name, BOOST_STRINGS, contents->count, key_size + value_size);
	if (!map)
		die("boost_map_create", -ENOMEM);
	for (i = 0; i < contents->count; i++) {
		value_make(value, value_size, i);
		if (boost_map_add(map, contents->keys + i * key_size, key_size, value,
				  value_size) != 1)
			die("boost_map_add", -ENOMEM);
	}
	return map;
}

static uint32_t boost_look(void *table, const struct list *list)
{
	size_t key_bytes = key_size, value_bytes = value_size;
	unsigned char value[VALUE_SIZE_MAX];
	uint32_t i, found = 0;

	for (i = 0; i < list->count; i++)
		found += boost_map_find(table, list->keys + i * key_bytes, key_bytes, value) ==
			 (ssize_t)value_bytes;
	return found;
}

static void boost_close(void *table)
{
	boost_map_destroy(table);
}

const struct contestant contestant_boost = {
	.name = "Boost.Interprocess, sharable mutex",
	.open = boost_open,
	.hit = boost_look,
	.miss = boost_look,
	.close = boost_close,
};
