/* SPDX-License-Identifier: MIT */
/*
 * The floor: the least that a table of names with owners can do for a lookup, beside which lookups
 * of a registry are measured.
 *
 * Used by   contents.c, measures.c, and the floor among the contestants of tests/benchmark/.
 */
#ifndef TOOLS_BENCH_FLOOR_H
#define TOOLS_BENCH_FLOOR_H

#include <stddef.h>
#include <stdint.h>

#define FLOOR_VALUE_MAX 4096u

struct floor;

/*
 * For @count keys, all of @key_size bytes, with values of @value_size bytes, at most
 * FLOOR_VALUE_MAX. NULL: no memory.
 */
struct floor *floor_new(uint32_t count, size_t key_size, size_t value_size);
void floor_free(struct floor *f);

/* A key that is not there yet; at most as many as floor_new() has room for. */
void floor_add(struct floor *f, const void *key, const void *value);

/* Looks up @count keys that lie one behind the other. Return: how many are there. */
uint32_t floor_look(const struct floor *f, const void *keys, uint32_t count);

#endif
