/* SPDX-License-Identifier: MIT */
/* The floor as a contestant: tools/bench/floor.c, which regtool bench measures as well. */
#include <errno.h>

#include "tests/benchmark/contestant.h"
#include "tools/bench/floor.h"

_Static_assert(VALUE_SIZE_MAX <= FLOOR_VALUE_MAX, "a value of the contents fits");

static void *floor_open(const struct contents *contents)
{
	struct floor *f = floor_new(contents->count, contents->key_size, contents->value_size);
	unsigned char value[VALUE_SIZE_MAX];
	uint32_t i;

	if (!f)
		die("memory", -ENOMEM);
	for (i = 0; i < contents->count; i++) {
		value_make(value, contents->value_size, i);
		floor_add(f, contents->keys + i * contents->key_size, value);
	}
	return f;
}

static uint32_t look(void *table, const struct list *list)
{
	return floor_look(table, list->keys, list->count);
}

static void floor_close(void *table)
{
	floor_free(table);
}

const struct contestant contestant_floor = {
	.name = "floor",
	.open = floor_open,
	.hit = look,
	.miss = look,
	.close = floor_close,
};
