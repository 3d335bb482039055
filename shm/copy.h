/* SPDX-License-Identifier: MIT */
/*
 * Copies to and from memory that another process may be writing at the same time.
 *
 * A peek that is overtaken reads bytes while they change, and discards them. C has no
 * construct for that except atomic accesses of single bytes; ThreadSanitizer builds use
 * those, other builds the library's memcpy().
 *
 * Promises  what is copied is what some process wrote, byte by byte. Whether the bytes
 *           belong together is not known until grace_peek_held() confirms it.
 * Needs     both ranges mapped. A caller acts upon nothing that it has copied before that
 *           check.
 * Context   any; signal-safe.
 * Used by   table, log, gift, meta, sweep, lib/.
 */
#ifndef KREG_SHM_COPY_H
#define KREG_SHM_COPY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <urcu/compiler.h>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

/*
 * Fetches the line at @to, which will be written and which another CPU may have read. gcc's builtin
 * is another instruction on x86-64, which leaves the line to that CPU as well, so the store would
 * wait for it all the same. Where there is no memory, or no such instruction, nothing happens.
 */
static inline void copy_in_soon(const void *to)
{
#ifdef __x86_64__
	__asm__ __volatile__("prefetchw %0" : : "m"(*(const char *)to));
#else
	__builtin_prefetch(to, 1);
#endif
}

/* What copy_out_short() is for; more is copied faster by copy_out(). */
#define COPY_SHORT_MAX 256u

#ifdef __SANITIZE_THREAD__

/*
 * Byte by byte and relaxed: enough for ThreadSanitizer to see no race, and the order
 * against other words comes from the fences of grace.h.
 */
static inline void copy_out(void *to, const void *from, size_t bytes)
{
	const unsigned char *source = from;
	unsigned char *target = to;

	while (bytes--)
		*target++ = __atomic_load_n(source++, __ATOMIC_RELAXED);
}

static inline void copy_out_short(void *to, const void *from, size_t bytes)
{
	copy_out(to, from, bytes);
}

static inline void copy_in(void *to, const void *from, size_t bytes)
{
	const unsigned char *source = from;
	unsigned char *target = to;

	while (bytes--)
		__atomic_store_n(target++, *source++, __ATOMIC_RELAXED);
}

static inline void copy_in_short(void *to, const void *from, size_t bytes)
{
	copy_in(to, from, bytes);
}

#define copy_equals_16_to_32 copy_equals
#define copy_equals_8_to_16 copy_equals

static inline __attribute__((always_inline)) bool copy_equals(const void *shared, const void *own,
							      size_t bytes)
{
	const unsigned char *a = shared, *b = own;

	while (bytes--) {
		if (__atomic_load_n(a++, __ATOMIC_RELAXED) != *b++)
			return false;
	}
	return true;
}

#else

static inline void copy_out(void *to, const void *from, size_t bytes)
{
	memcpy(to, from, bytes);
}

/*
 * As copy_out(), without a call, for which a lookup would have to save its registers: the
 * first and the last 16 (8, 4) bytes, two ranges that overlap in the middle. A lookup
 * copies values of 8 bytes mostly, where a call would cost more than the copy.
 */
static inline void copy_out_short(void *to, const void *from, size_t bytes)
{
	const unsigned char *source = from;
	unsigned char *target = to;

	if (caa_likely(bytes == 8)) {
		memcpy(target, source, 8);
	} else if (bytes - 16 <= 16) {
		memcpy(target, source, 16);
		memcpy(target + bytes - 16, source + bytes - 16, 16);
	} else if (bytes >= 16) {
		const unsigned char *last = source + bytes - 16;

		memcpy(target + bytes - 16, last, 16);
		for (; source < last; source += 16, target += 16)
			memcpy(target, source, 16);
	} else if (bytes > 8) {
		memcpy(target, source, 8);
		memcpy(target + bytes - 8, source + bytes - 8, 8);
	} else if (bytes >= 4) {
		memcpy(target, source, 4);
		memcpy(target + bytes - 4, source + bytes - 4, 4);
	} else if (bytes) {
		target[0] = source[0];
		target[bytes / 2] = source[bytes / 2];
		target[bytes - 1] = source[bytes - 1];
	}
}

static inline void copy_in(void *to, const void *from, size_t bytes)
{
	memcpy(to, from, bytes);
}

/* As copy_out_short(). */
static inline void copy_in_short(void *to, const void *from, size_t bytes)
{
	copy_out_short(to, from, bytes);
}

/*
 * Words that overlap where the size is not a multiple of theirs, instead of a loop for the
 * rest. They are compared together at the end, so that there is one branch, which mostly
 * goes the same way.
 */
#define COPY_DIFFER(type, a, b)                                                                    \
	({                                                                                         \
		type of_a, of_b;                                                                   \
		memcpy(&of_a, (a), sizeof(of_a));                                                  \
		memcpy(&of_b, (b), sizeof(of_b));                                                  \
		(uint64_t)(of_a ^ of_b);                                                           \
	})

static inline bool copy_equals_16_to_32(const void *shared, const void *own, size_t bytes)
{
	const unsigned char *a = shared, *b = own;
#ifdef __SSE2__
	__m128i first = _mm_cmpeq_epi8(_mm_loadu_si128((const __m128i *)a),
				       _mm_loadu_si128((const __m128i *)b));
	__m128i last = _mm_cmpeq_epi8(_mm_loadu_si128((const __m128i *)(a + bytes - 16)),
				      _mm_loadu_si128((const __m128i *)(b + bytes - 16)));

	return _mm_movemask_epi8(_mm_and_si128(first, last)) == 0xffff;
#else
	return !(COPY_DIFFER(uint64_t, a, b) | COPY_DIFFER(uint64_t, a + 8, b + 8) |
		 COPY_DIFFER(uint64_t, a + bytes - 16, b + bytes - 16) |
		 COPY_DIFFER(uint64_t, a + bytes - 8, b + bytes - 8));
#endif
}

static inline bool copy_equals_8_to_16(const void *shared, const void *own, size_t bytes)
{
	const unsigned char *a = shared, *b = own;

	return !(COPY_DIFFER(uint64_t, a, b) | COPY_DIFFER(uint64_t, a + bytes - 8, b + bytes - 8));
}

static inline __attribute__((always_inline)) bool copy_equals(const void *shared, const void *own,
							      size_t bytes)
{
	const unsigned char *a = shared, *b = own;

	/* One comparison each: below the lower bound the subtraction wraps. */
	if (caa_likely(bytes - 16 <= 16))
		return copy_equals_16_to_32(a, b, bytes);
	if (bytes - 8 <= 8)
		return copy_equals_8_to_16(a, b, bytes);
	if (bytes - 4 < 4)
		return !(COPY_DIFFER(uint32_t, a, b) |
			 COPY_DIFFER(uint32_t, a + bytes - 4, b + bytes - 4));
	for (; bytes > 32; bytes -= 16, a += 16, b += 16) {
		if (!copy_equals_16_to_32(a, b, 16))
			return false;
	}
	if (bytes >= 16)
		return copy_equals_16_to_32(a, b, bytes);
	while (bytes--) {
		if (*a++ != *b++)
			return false;
	}
	return true;
}

#endif
#endif
