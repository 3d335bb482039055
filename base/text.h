/* SPDX-License-Identifier: MIT */
/*
 * Text for the way to an open registry.
 *
 * The first snprintf() of a process reads seven pages that nothing else needs, and the
 * first isalnum() another, which depends on the locale besides. A process that opens a
 * registry would wait for these faults as long as for the rest.
 *
 * Context   any; signal-safe.
 * Used by   process.c, shm/segment_open.c, shm/row.c, shm/boot.c, lib/registry/options.c.
 */
#ifndef KREG_BASE_TEXT_H
#define KREG_BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

/* As strcmp() == 0, strchr() and strlen(), which would have to be bound: kernel.h. */
static inline bool text_is(const char *a, const char *b)
{
	for (; *a && *a == *b; a++)
		b++;
	return *a == *b;
}

static inline const char *text_find(const char *text, char c)
{
	for (; *text && *text != c; text++)
		;
	return *text ? text : NULL;
}

static inline size_t text_length(const char *text)
{
	size_t length = 0;

	while (text[length]) {
		/* A compiler would make a call of strlen() of the loop. */
		__asm__("" : "+r"(length));
		length++;
	}
	return length;
}

/*
 * The strings of @parts, which ends with NULL, one behind the other. False: there is not
 * enough room for all, and @out is "".
 */
static inline bool text_join(char *out, size_t room, const char *const *parts)
{
	size_t at = 0;
	const char *from;

	for (; *parts; parts++) {
		for (from = *parts; *from && at + 1 < room; from++)
			out[at++] = *from;
		if (*from)
			at = room;
	}
	out[at < room ? at : 0] = 0;
	return at < room;
}

#define TEXT_NUMBER 24

/* @number in decimal digits; somewhere in @room. */
static inline const char *text_number(char room[TEXT_NUMBER], unsigned long number)
{
	char *at = room + TEXT_NUMBER - 1;

	*at = 0;
	do {
		*--at = (char)('0' + number % 10);
		number /= 10;
	} while (number);
	return at;
}

static inline bool text_is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Of ASCII, whatever the locale. */
static inline bool text_is_alnum(char c)
{
	return text_is_digit(c) || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

/* The value of a hexadecimal digit; -1: it is none. */
static inline int text_hex(char c)
{
	if (text_is_digit(c))
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

#endif
