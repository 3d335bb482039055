/* SPDX-License-Identifier: MIT */
/*
 * Sets of cells of a line: all of them compared at once, where the processor can.
 *
 * A set has two bits for each word of the line, so its lowest bit is as many times 4 bytes
 * from the line's beginning. It is a hint, and may have more cells than asked for: a cell of
 * it is loaded again before it is used.
 *
 * Promises  no cell that is as asked for during the whole call is missing.
 * Context   any; wait-free.
 * Used by   index.c.
 */
#ifndef KREG_SHM_INDEX_CELLS_H
#define KREG_SHM_INDEX_CELLS_H

#include "shm/index.h"

/* Without the control word. */
#define CELLS_ALL 0xfffcu

/* Takes the first one out of the set. */
static inline uint64_t *cells_next(struct index_line *line, uint32_t *cells)
{
	uint64_t *cell = (uint64_t *)((char *)line + (uint32_t)__builtin_ctz(*cells) * 4ul);

	*cells &= *cells - 1;
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
#define cells_free(line) CELLS_ALL
#define cells_at(line, place) CELLS_ALL

#endif
#endif
