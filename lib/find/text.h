/* SPDX-License-Identifier: MIT */
/*
 * Values as C strings.
 *
 * Promises  a buffer with room for a byte is a string afterwards, after an error the empty one.
 * Context   any.
 * Used by   lookup_string.c, lib/names/meta.c, lib/namespace/service.c.
 */
#ifndef KREG_LIB_TEXT_H
#define KREG_LIB_TEXT_H

#include <errno.h>
#include <string.h>
#include <sys/types.h>

/*
 * How much of the buffer @out of @capacity bytes a value may take. NULL with a capacity is left
 * to the lookup, which refuses it.
 */
static inline size_t text_room(const char *out, size_t capacity)
{
	return out && capacity ? capacity - 1 : capacity;
}

/*
 * Ends the string in @out, of which a lookup into text_room() bytes has said @got. Returns its
 * length, or what the lookup has said. -ERANGE: no room for the NUL; -EILSEQ: there is one
 * inside of it.
 */
static inline ssize_t text_end(char *out, size_t capacity, ssize_t got)
{
	if (!out)
		return got;
	if (!capacity)
		return got < 0 ? got : -ERANGE;
	if (got > 0 && memchr(out, 0, (size_t)got))
		got = -EILSEQ;
	out[got < 0 ? 0 : got] = 0;
	return got;
}

#endif
