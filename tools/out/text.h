/* SPDX-License-Identifier: MIT */
/*
 * Arbitrary bytes as text of a terminal.
 *
 * A byte that is not part of a printable character is written as \xNN, and so is the backslash of
 * a "\x" in the text. So the output is unambiguous, has the width that was measured, and contains
 * nothing that a terminal obeys: controls and changes of direction are not printable here.
 */
#ifndef TOOLS_OUT_TEXT_H
#define TOOLS_OUT_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

/* No byte becomes more than that many. */
#define TEXT_GROWTH 4

/* The columns of a terminal that it takes. */
size_t text_width(const void *bytes, size_t size);

/*
 * Writes what fits into @columns to @to, which has room for TEXT_GROWTH times @size bytes.
 * Return: how many bytes were written. @width: how many columns they take.
 */
size_t text_escape(char *to, const void *bytes, size_t size, size_t columns, size_t *width);

/* Whether it is printable ASCII without a backslash, which is written as it is. */
bool text_is_plain(const void *bytes, size_t size);

#define TEXT_EACH(byte) (0x0101010101010101u * (uint64_t)(byte))

/*
 * The same of eight bytes at once: a high bit is set where a byte is 0x80 or more, and in a byte of
 * a sum or difference, as long as none was set before, where it is below 0x20, 0x7f or a backslash.
 */
static inline bool text_are_plain(uint64_t bytes)
{
	uint64_t low = bytes - TEXT_EACH(0x20);
	uint64_t high = bytes + TEXT_EACH(0x01);
	uint64_t backslash = (bytes ^ TEXT_EACH('\\')) - TEXT_EACH(0x01);

	return !((bytes | low | high | backslash) & TEXT_EACH(0x80));
}

/* Copies eight bytes. Return: whether they are plain. */
static inline bool text_copy_eight(char *to, const char *from)
{
	uint64_t bytes;

	memcpy(&bytes, from, sizeof(bytes));
	memcpy(to, &bytes, sizeof(bytes));
	return text_are_plain(bytes);
}

/*
 * Copies it. Return: text_is_plain() of it. Most texts have 8 to 64 bytes: a call, and a second look
 * at them, would take longer than this.
 */
static inline bool text_copy(char *to, const char *from, size_t size)
{
	bool is_plain = true;
	size_t at;

	if (size < 8) {
		memcpy(to, from, size);
		return text_is_plain(from, size);
	}
	for (at = 0; at + 8 < size; at += 8)
		is_plain &= text_copy_eight(to + at, from + at);
	/* Some of the last eight may have been among those before. */
	return text_copy_eight(to + size - 8, from + size - 8) && is_plain;
}

void text_print(FILE *to, const void *bytes, size_t size);

bool text_is_utf8(const void *bytes, size_t size);

#endif
