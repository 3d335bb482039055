/* SPDX-License-Identifier: MIT */
/*
 * Copies to and from memory that another process may be writing at the same time.
 *
 * Promises  what is copied is what some process wrote, byte by byte; whether the bytes belong
 *           together is asked of grace_peek_held() afterwards.
 * Needs     both ranges mapped.
 * Context   any; signal-safe.
 * Used by   table, sweep, lib/.
 *
 * A peek that is overtaken reads bytes that change under it, and throws them away. C has no word
 * for that but atomic bytes; ThreadSanitizer builds use them, others the library's memcpy().
 */
#ifndef KREG_SHM_COPY_H
#define KREG_SHM_COPY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#ifdef __SANITIZE_THREAD__

static inline void copy_out(void *to, const void *from, size_t bytes)
{
	const unsigned char *source = from;
	unsigned char *target = to;

	while (bytes--)
		*target++ = __atomic_load_n(source++, __ATOMIC_RELAXED);
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

/* Eight bytes are the commonest value, and a call costs more than they do. */
static inline void copy_out(void *to, const void *from, size_t bytes)
{
	if (bytes == sizeof(uint64_t))
		memcpy(to, from, sizeof(uint64_t));
	else
		memcpy(to, from, bytes);
}

static inline void copy_in(void *to, const void *from, size_t bytes)
{
	memcpy(to, from, bytes);
}

/* By words: keys are short, and most of those that are compared are equal. */
static inline bool copy_equals(const void *shared, const void *own, size_t bytes)
{
	const unsigned char *a = shared, *b = own;
	uint64_t x[2], y[2], differ = 0;

	for (; bytes >= sizeof(x); bytes -= sizeof(x), a += sizeof(x), b += sizeof(x)) {
		memcpy(x, a, sizeof(x));
		memcpy(y, b, sizeof(y));
		differ |= (x[0] ^ y[0]) | (x[1] ^ y[1]);
	}
	if (bytes >= sizeof(x[0])) {
		memcpy(x, a, sizeof(x[0]));
		memcpy(y, b, sizeof(y[0]));
		differ |= x[0] ^ y[0];
		bytes -= sizeof(x[0]);
		a += sizeof(x[0]);
		b += sizeof(x[0]);
	}
	for (; bytes; bytes--)
		differ |= *a++ ^ *b++;
	return !differ;
}

#endif
#endif
