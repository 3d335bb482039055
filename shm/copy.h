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

static inline bool copy_equals(const void *shared, const void *own, size_t bytes)
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
 * As copy_out(), without a call for up to 32 bytes: the first and the last 16 (8, 4)
 * bytes, two ranges that overlap in the middle. A lookup copies values of 8 bytes mostly,
 * where a call would cost more than the copy.
 */
static inline void copy_out_short(void *to, const void *from, size_t bytes)
{
	const unsigned char *source = from;
	unsigned char *target = to;

	if (caa_likely(bytes == 8)) {
		memcpy(target, source, 8);
	} else if (bytes > 32) {
		memcpy(target, source, bytes);
	} else if (bytes > 16) {
		memcpy(target, source, 16);
		memcpy(target + bytes - 16, source + bytes - 16, 16);
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

static inline bool copy_equals(const void *shared, const void *own, size_t bytes)
{
	const unsigned char *a = shared, *b = own;
	uint64_t x[4], y[4], differ = 0;

	/*
	 * 8 to 32 bytes (below 8 the subtraction wraps): four words that overlap where
	 * the size is not a multiple of 8, instead of a loop for the rest. They are
	 * compared together at the end, so that there is one branch, which mostly goes
	 * the same way.
	 */
	if (caa_likely(bytes - 8 <= 24)) {
		size_t half = bytes > 16 ? 16 : 8;

		memcpy(x, a, 8);
		memcpy(y, b, 8);
		memcpy(x + 1, a + half - 8, 8);
		memcpy(y + 1, b + half - 8, 8);
		memcpy(x + 2, a + bytes - half, 8);
		memcpy(y + 2, b + bytes - half, 8);
		memcpy(x + 3, a + bytes - 8, 8);
		memcpy(y + 3, b + bytes - 8, 8);
		return !((x[0] ^ y[0]) | (x[1] ^ y[1]) | (x[2] ^ y[2]) | (x[3] ^ y[3]));
	}
	for (; bytes >= sizeof(x[0]); bytes -= sizeof(x[0])) {
		memcpy(x, a, sizeof(x[0]));
		memcpy(y, b, sizeof(y[0]));
		differ |= x[0] ^ y[0];
		a += sizeof(x[0]);
		b += sizeof(x[0]);
	}
	for (; bytes; bytes--)
		differ |= *a++ ^ *b++;
	return !differ;
}

#endif
#endif
