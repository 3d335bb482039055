/* SPDX-License-Identifier: MIT */
/*
 * Text, escaped. Nearly all of it is printable ASCII, which needs neither a table nor a locale.
 */
#include "tools/out/text.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

/* Return: the size of the UTF-8 character at @p; 0 if the bytes are not valid UTF-8. */
static size_t utf8_read(const unsigned char *p, size_t left, uint32_t *out)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	uint32_t point = *p;
	size_t size, i;

	if (point < 0x80)
		size = 1;
	else if (point >= 0xc2 && point < 0xe0)
		size = 2;
	else if (point >= 0xe0 && point < 0xf0)
		size = 3;
	else if (point >= 0xf0 && point < 0xf5)
		size = 4;
	else
		return 0;
	if (size > left)
		return 0;
	if (size > 1)
		point &= 0x7fu >> size;
	for (i = 1; i < size; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
		point = point << 6 | (p[i] & 0x3f);
	}
	if (point < least[size] || point > 0x10ffff || (point >= 0xd800 && point < 0xe000))
		return 0;
	*out = point;
	return size;
}

/* They would change the order of what is around them. */
static bool is_direction(uint32_t point)
{
	return point == 0x200e || point == 0x200f || (point >= 0x202a && point <= 0x202e) ||
	       (point >= 0x2066 && point <= 0x2069);
}

/* The columns of a character; < 0: it is not printable. */
static int width_of(uint32_t point)
{
	if (point < 0x80)
		return point >= 0x20 && point < 0x7f ? 1 : -1;
	if (MB_CUR_MAX == 1 || is_direction(point))
		return -1;
	return wcwidth((wchar_t)point);
}

/*
 * The next piece: a character that is printed as it is, or a byte that is escaped.
 * Return: its size. @width: its columns; @escape: whether it is escaped.
 */
static size_t next_piece(const unsigned char *p, const unsigned char *end, size_t *width,
			 bool *escape)
{
	uint32_t point = 0;
	size_t size = utf8_read(p, (size_t)(end - p), &point);
	int columns = size ? width_of(point) : -1;

	*escape = columns < 0 || (*p == '\\' && p + 1 < end && p[1] == 'x');
	*width = *escape ? 4 : (size_t)columns;
	return *escape ? 1 : size;
}

static bool is_plain(unsigned char byte)
{
	return byte >= 0x20 && byte < 0x7f && byte != '\\';
}

static inline bool are_plain(const unsigned char *p)
{
	uint64_t bytes;

	memcpy(&bytes, p, sizeof(bytes));
	return text_are_plain(bytes);
}

static size_t plain_size(const unsigned char *p, const unsigned char *end)
{
	const unsigned char *at = p;

	while (end - at >= 8 && are_plain(at))
		at += 8;
	while (at < end && is_plain(*at))
		at++;
	return (size_t)(at - p);
}

bool text_is_plain(const void *bytes, size_t size)
{
	const unsigned char *p = bytes, *end = p + size;

	if (size < 8)
		return plain_size(p, end) == size;
	/* The last eight may have been among those before. */
	for (; end - p > 8; p += 8) {
		if (!are_plain(p))
			return false;
	}
	return are_plain(end - 8);
}

size_t text_width(const void *bytes, size_t size)
{
	const unsigned char *p = bytes, *end = p + size;
	size_t width = plain_size(p, end), columns;
	bool escape;

	for (p += width; p < end;) {
		p += next_piece(p, end, &columns, &escape);
		width += columns;
	}
	return width;
}

size_t text_escape(char *to, const void *bytes, size_t size, size_t columns, size_t *width)
{
	static const char digits[] = "0123456789abcdef";
	const unsigned char *p = bytes, *end = p + size;
	size_t plain = plain_size(p, end), step, wide;
	char *at = to;
	bool escape;

	if (plain > columns)
		plain = columns;
	memcpy(at, p, plain);
	at += plain;
	*width = plain;
	for (p += plain; p < end; p += step) {
		step = next_piece(p, end, &wide, &escape);
		if (wide > columns - *width)
			break;
		*width += wide;
		if (escape) {
			*at++ = '\\';
			*at++ = 'x';
			*at++ = digits[*p >> 4];
			*at++ = digits[*p & 15];
		} else {
			memcpy(at, p, step);
			at += step;
		}
	}
	return (size_t)(at - to);
}

void text_print(FILE *to, const void *bytes, size_t size)
{
	const unsigned char *p = bytes, *end = p + size;
	size_t step, width, written;
	char piece[TEXT_GROWTH * 4];
	bool escape;

	for (; p < end; p += step) {
		step = next_piece(p, end, &width, &escape);
		written = text_escape(piece, p, escape && p + 1 < end ? 2 : step,
				      escape ? 4 : SIZE_MAX, &width);
		fwrite(piece, 1, written, to);
	}
}

bool text_is_utf8(const void *bytes, size_t size)
{
	const unsigned char *p = bytes, *end = p + size;
	uint32_t point;
	size_t step;

	for (; p < end; p += step) {
		step = *p < 0x80 ? 1 : utf8_read(p, (size_t)(end - p), &point);
		if (!step)
			return false;
	}
	return true;
}
