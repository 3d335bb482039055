/* SPDX-License-Identifier: MIT */
/*
 * Sets of cells of a line: all of them compared at once, where the processor can.
 *
 * A set has one bit for each word of the line, and one that is 0 between two of them, so its
 * lowest bit is as many times 4 bytes from the line's beginning. It is a hint, and may have more cells than asked for: a cell of
 * it is loaded again before it is used.
 *
 * Promises  no cell that is as asked for during the whole call is missing.
 * Context   any; wait-free.
 * Used by   index.c, table_write.c, table_seek.c.
 */
#ifndef KREG_SHM_INDEX_CELLS_H
#define KREG_SHM_INDEX_CELLS_H

#include "shm/index.h"

/* Without the control word. */
#define CELLS_ALL 0x5554u

/* Takes the first one out of the set. */
static inline uint64_t *cells_next(struct index_line *line, uint32_t *cells)
{
	uint64_t *cell = (uint64_t *)((char *)line + (uint32_t)__builtin_ctz(*cells) * 4ul);

	*cells &= *cells - 1;
	return cell;
}

#ifdef INDEX_BY_SSE2

/* The lower or the upper halves of four words each. */
#define CELLS_HALVES(line, words, from)                                                            \
	_mm_castps_si128(_mm_shuffle_ps(_mm_castsi128_ps(((const __m128i *)(line))[words]),        \
					_mm_castsi128_ps(((const __m128i *)(line))[(words) + 1]),  \
					_MM_SHUFFLE((from) + 2, from, (from) + 2, from)))

static inline uint32_t cells_set(__m128i a, __m128i b)
{
	return (uint32_t)_mm_movemask_epi8(_mm_packs_epi32(a, b)) & CELLS_ALL;
}

/*
 * In front of @order, or empty; not those from before the table had @buckets.
 *
 * Of two orders the lowest bit in which they differ decides, and those of one line differ
 * above the bits of the bucket's number.
 */
static inline uint32_t cells_before(const struct index_line *line, order_t order, uint64_t buckets)
{
	const __m128i sought = _mm_set1_epi32((int)(order << 1));
	const __m128i least = _mm_set1_epi32((int)(2 * (uint32_t)buckets - 1));
	const __m128i none = _mm_setzero_si128();
	__m128i a = _mm_xor_si128(CELLS_HALVES(line, 0, 0), sought);
	__m128i b = _mm_xor_si128(CELLS_HALVES(line, 2, 0), sought);

	a = _mm_and_si128(_mm_and_si128(a, _mm_sub_epi32(none, a)), sought);
	b = _mm_and_si128(_mm_and_si128(b, _mm_sub_epi32(none, b)), sought);
	return cells_set(_mm_cmpgt_epi32(a, least), _mm_cmpgt_epi32(b, least));
}

/* Of @order, and no builder's. */
static inline uint32_t cells_of(const struct index_line *line, order_t order)
{
	const __m128i sought = _mm_set1_epi32((int)(order << 1));

	return cells_set(_mm_cmpeq_epi32(CELLS_HALVES(line, 0, 0), sought),
			 _mm_cmpeq_epi32(CELLS_HALVES(line, 2, 0), sought));
}

/* Free: each word in use has ORDER_OF_ENTRY or CELL_BUILT in its lower half. */
static inline uint32_t cells_free(const struct index_line *line)
{
	const __m128i none = _mm_setzero_si128();

	return cells_set(_mm_cmpeq_epi32(CELLS_HALVES(line, 0, 0), none),
			 _mm_cmpeq_epi32(CELLS_HALVES(line, 2, 0), none));
}

/* Of the entry at @place, in whatever form. */
static inline uint32_t cells_at(const struct index_line *line, place_t place)
{
	const __m128i sought = _mm_set1_epi32((int)place);
	__m128i a = _mm_srli_epi32(CELLS_HALVES(line, 0, 1), PLACE_SHIFT - 32);
	__m128i b = _mm_srli_epi32(CELLS_HALVES(line, 2, 1), PLACE_SHIFT - 32);

	return cells_set(_mm_cmpeq_epi32(a, sought), _mm_cmpeq_epi32(b, sought));
}

#else

#define cells_before(line, order, buckets) CELLS_ALL
#define cells_of(line, order) CELLS_ALL
#define cells_free(line) CELLS_ALL
#define cells_at(line, place) CELLS_ALL

#endif
/* index_buckets(), where this process has not seen that many yet. */
uint64_t index_buckets_look(const struct segment *s, uint64_t buckets);

/*
 * The exact number of buckets, if this process can reach their lines; else 0: there is no
 * index, or lookups do not use it.
 */
static inline uint64_t index_buckets(const struct segment *s)
{
	/*
	 * ORD[index_buckets:A] acquire: the number, then the line; pairs with table_grow:A
	 */
	uint64_t buckets = load_acquire(&s->header->buckets);

	/* relaxed: a bound of this process's own. 0 wraps, and UNINDEXED is beyond any bound */
	if (caa_likely(buckets - 1 < load_relaxed(&s->view->lines)))
		return buckets;
	return index_buckets_look(s, buckets);
}

/* The line of @order, which is that for so many *buckets; NULL where index_buckets() is 0. */
static inline struct index_line *line_of(const struct segment *s, order_t order, uint64_t *buckets)
{
	*buckets = index_buckets(s);
	if (caa_unlikely(!*buckets))
		return NULL;
	return &s->lines[order_hash(order) & (uint32_t)(*buckets - 1)];
}

/* The same without a call; NULL also where index_buckets() would have to look. */
static inline struct index_line *line_at_once(const struct segment *s, order_t order)
{
	/* ORD[line_at_once:A] acquire: the number, then the line; pairs with table_grow:A */
	uint64_t buckets = load_acquire(&s->header->buckets) - 1;

	/* relaxed: a bound of this process's own */
	if (caa_unlikely(buckets >= load_relaxed(&s->view->lines)))
		return NULL;
	return &s->lines[order_hash(order) & (uint32_t)buckets];
}

static inline bool line_is_complete(const struct index_line *line)
{
	/* ORD[line_is_complete:A] acquire: as a lookup has it; pairs with complete:A */
	return load_acquire(&line->control) & INDEX_COMPLETE;
}

/* The last cell without LOOK in front of @order in @line, which is used for @buckets; 0: none. */
static inline __attribute__((always_inline)) uint64_t cell_before(struct index_line *line,
								  order_t order, uint64_t buckets)
{
	uint32_t cells = cells_before(line, order, buckets);
	uint64_t last = 0;
	/*
	 * Not a cell from before the table grew: such a one may be left when its block is
	 * used again, for an entry that belongs elsewhere in the list. The bit by which it or a
	 * builder's word differs is below those of the line.
	 */
	uint32_t closest = 2 * (uint32_t)buckets;

	while (cells) {
		/* ORD[cell_before:A] acquire: the cell, then the entry; pairs with cell_cas:A */
		uint64_t cell = load_acquire(cells_next(line, &cells));
		uint32_t differ = (uint32_t)cell ^ (order << 1);
		uint32_t decides = differ & -differ & (order << 1);

		if (decides < closest || cell & CELL_LOOK || !cell)
			continue;
		/* The later the bit that decides, the closer it is. */
		if (decides == closest && order_is_before(ref_order(cell), ref_order(last)))
			continue;
		closest = decides;
		last = cell;
	}
	return last;
}

/*
 * The last entry in front of @order that has a cell without LOOK in the line of that order,
 * for a writer that seeks its place in the list. It was linked; whether it still is, its
 * link says. NULL: there is none.
 */
static inline __attribute__((always_inline)) struct entry *
index_before(const struct segment *s, order_t order, place_t *place)
{
	uint64_t buckets, last = 0;
	struct index_line *line = line_of(s, order, &buckets);

	if (caa_likely(line))
		last = cell_before(line, order, buckets);
	*place = ref_place(last);
	return caa_likely(last) ? segment_entry(s, *place) : NULL;
}

#endif
