/* SPDX-License-Identifier: MIT */
/*
 * Memory asked for ahead of a walk along the whole list.
 *
 * A walk waits for each entry, because only that has the place of the next one. The lines of the
 * index have the places of the entries of the buckets to come, so these can be fetched side by side:
 * first a bucket's line and its word, a few buckets later the entries that the line has by then.
 *
 * Nothing that the walk does depends on this: what a line says may be behind, or damage.
 *
 * Context   any; wait-free. A walk has one struct index_ahead, all 0 at first.
 * Used by   lib/find/visit.c.
 */
#ifndef KREG_SHM_INDEX_AHEAD_H
#define KREG_SHM_INDEX_AHEAD_H

#include "shm/index_cells.h"

/* Buckets, of which each has some four entries. */
#define AHEAD_LINES 16u
#define AHEAD_ENTRIES 8u

/* Buckets by their turn in the list: of turn 0 is bucket 0. */
struct index_ahead {
	uint64_t buckets;
	uint32_t lines, entries; /* the first turns that were not asked for */
};

/* Bits in reverse: the list is in the order of numbers that begin with their lowest bit. */
static inline uint32_t ahead_reverse(uint32_t bits)
{
	bits = (bits >> 1 & 0x55555555u) | (bits & 0x55555555u) << 1;
	bits = (bits >> 2 & 0x33333333u) | (bits & 0x33333333u) << 2;
	bits = (bits >> 4 & 0x0f0f0f0fu) | (bits & 0x0f0f0f0fu) << 4;
	return __builtin_bswap32(bits);
}

/* Of a turn a bucket, and the other way round, among so many buckets. */
static inline uint32_t ahead_turn(uint32_t bucket, uint64_t buckets)
{
	return (uint32_t)((uint64_t)ahead_reverse(bucket) * buckets >> 32);
}

static inline void ahead_line(const struct segment *s, uint32_t bucket)
{
	__builtin_prefetch(&s->lines[bucket]);
	__builtin_prefetch(&s->buckets[bucket]);
}

static inline void ahead_entries(const struct segment *s, const struct index_line *line)
{
	uint64_t cell;
	uint32_t i;

	for (i = 0; i < INDEX_CELLS; i++) {
		cell = load_relaxed(&line->cells[i]); /* relaxed: nothing is read by it */
		if (cell)
			__builtin_prefetch(s->base + (uint64_t)ref_place(cell) * LINE_BYTES);
	}
}

/* The walk is at @order, which comes behind those that it was at before. */
static inline void index_ahead(struct index_ahead *ahead, const struct segment *s, order_t order)
{
	uint64_t buckets = ahead->buckets;
	uint32_t turn;

	if (!buckets)
		return;
	turn = ahead_turn(order_hash(order) & (uint32_t)(buckets - 1), buckets);
	if (caa_likely(turn + AHEAD_ENTRIES < ahead->entries))
		return;
	if (ahead->lines <= turn)
		ahead->lines = ahead->entries = turn + 1;
	for (; ahead->lines <= turn + AHEAD_LINES && ahead->lines < buckets; ahead->lines++)
		ahead_line(s, ahead_turn(ahead->lines, buckets));
	for (; ahead->entries <= turn + AHEAD_ENTRIES && ahead->entries < buckets; ahead->entries++)
		ahead_entries(s, &s->lines[ahead_turn(ahead->entries, buckets)]);
}

/* Before the first index_ahead(), and now and then, as the table may have grown. */
static inline void index_ahead_look(struct index_ahead *ahead, const struct segment *s)
{
	uint64_t buckets = index_buckets(s);

	if (buckets != ahead->buckets)
		*ahead = (struct index_ahead){ .buckets = buckets };
}

#endif
