/* SPDX-License-Identifier: MIT */
/*
 * What both kinds of life table share: the question whether a program goes on.
 *
 * Nothing here writes a life word; life_guard.c and life_robust.c say what does.
 */
#include "shm/life.h"

#if defined(__SSE2__) && !defined(__SANITIZE_THREAD__)
#include <emmintrin.h>
#define LIFE_BY_SSE2 1
#endif

/*
 * Whether the life goes on and the process still runs the program in the image of @word.
 * The life is looked at first: the facts of a seat are those of its present holder, so an
 * image that is read after the life was seen is of that life, or of a later one, which
 * has counted the image up as well.
 */
bool life_image_look(const struct life_table *table, uint64_t word, uint64_t *life)
{
	if (!life_look(table, owner_without_image(word), life))
		return false;
	/*
	 * In the fallback a life ends with its program, so there is no image to compare.
	 */
	if (!table->facts)
		return true;
	/*
	 * ORD[life_image_look:A] acquire: the exec, then what is made of what the program
	 * has left; pairs with kernel sched_process_exec, which counts the image when the
	 * program's threads are gone
	 *
	 * So an heir that finds the program over reads words that no thread of it changes
	 * any more: de_thread() has waited for all of them.
	 */
	return image_fold(load_acquire(&table->facts[owner_seat(word)].image)) == owner_image(word);
}

bool life_image_is_alive(const struct life_table *table, uint64_t word)
{
	uint64_t life;

	return life_image_look(table, word, &life);
}

/*
 * The bits that only grow from word to word: {n, pid}, {n, O}, {n + 1, pid}. As one number
 * they grow with each begin and each end, so their sum does, modulo 2^64. pid and W do not.
 */
#define LIFE_GROWS (~0ull << LIFE_INCARNATION_SHIFT | LIFE_OVER)

uint64_t life_sum(const struct life_table *table, uint32_t seats)
{
	uint64_t sum = 0;
	uint32_t i = 0;

	if (caa_unlikely(seats > table->seats))
		seats = table->seats;
	/*
	 * ORD[life_sum:A] acquire: earlier loads, then the lives; pairs with kernel
	 * sched_process_exit and handle_futex_death
	 */
	fence_acquire();
#ifdef LIFE_BY_SSE2
	/* Two whole words in each load: they are aligned, and so are the pairs. */
	{
		const __m128i *two = (const __m128i *)table->words;
		const __m128i grows = _mm_set1_epi64x((long long)LIFE_GROWS);
		__m128i a = _mm_setzero_si128(), b = a;

		for (; i + 4 <= seats; i += 4, two += 2) {
			a = _mm_add_epi64(a, _mm_and_si128(_mm_loadu_si128(two), grows));
			b = _mm_add_epi64(b, _mm_and_si128(_mm_loadu_si128(two + 1), grows));
		}
		a = _mm_add_epi64(a, b);
		sum = (uint64_t)_mm_cvtsi128_si64(a) +
		      (uint64_t)_mm_cvtsi128_si64(_mm_unpackhi_epi64(a, a));
	}
#endif
	for (; i < seats; i++) {
		/* relaxed: between the fences */
		sum += load_relaxed(&table->words[i]) & LIFE_GROWS;
	}
	/*
	 * ORD[life_sum:B] acquire: the lives, then later loads; pairs with kernel
	 * sched_process_exit and handle_futex_death
	 */
	fence_acquire();
	return sum;
}
