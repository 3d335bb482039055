/* SPDX-License-Identifier: MIT */
#include "bridge/base64.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

char *base64_encode(const void *bytes, size_t size)
{
	const unsigned char *from = bytes;
	char *text = malloc((size + 2) / 3 * 4 + 1), *to = text;
	size_t i;

	if (!text)
		return NULL;
	for (i = 0; i < size; i += 3) {
		uint32_t three = (uint32_t)from[i] << 16;

		if (i + 1 < size)
			three |= (uint32_t)from[i + 1] << 8;
		if (i + 2 < size)
			three |= from[i + 2];
		*to++ = digits[three >> 18];
		*to++ = digits[three >> 12 & 63];
		*to++ = i + 1 < size ? digits[three >> 6 & 63] : '=';
		*to++ = i + 2 < size ? digits[three & 63] : '=';
	}
	*to = 0;
	return text;
}

/* The value of a digit; 64: it is none. */
static uint32_t value_of(char digit)
{
	const char *at = digit ? strchr(digits, digit) : NULL;

	return at ? (uint32_t)(at - digits) : 64;
}

ssize_t base64_decode(const char *text, size_t size, void *out, size_t capacity)
{
	unsigned char *to = out;
	size_t got = 0, padding = 0, i, n;

	if (size % 4)
		return -EILSEQ;
	while (padding < 2 && padding < size && text[size - 1 - padding] == '=')
		padding++;
	if (size / 4 * 3 - padding > capacity)
		return -EMSGSIZE;
	for (i = 0; i < size; i += 4) {
		size_t here = i + 4 == size ? 4 - padding : 4;
		uint32_t four = 0;

		for (n = 0; n < 4; n++) {
			uint32_t value = n < here ? value_of(text[i + n]) : 0;

			if (value > 63)
				return -EILSEQ;
			four = four << 6 | value;
		}
		/* Bits behind the last byte. */
		if (here < 4 && four & (here == 3 ? 0xff : 0xffff))
			return -EILSEQ;
		for (n = 0; n + 1 < here; n++)
			to[got++] = (unsigned char)(four >> (16 - 8 * n));
	}
	return (ssize_t)got;
}
