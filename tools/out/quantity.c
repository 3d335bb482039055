/* SPDX-License-Identifier: MIT */
/*
 * Quantities. Digits are written here, not by printf(), which a list of 160,000 names would call
 * half a million times.
 */
#include "tools/out/quantity.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

size_t quantity_number(char *to, uint64_t number)
{
	char digits[QUANTITY_MAX], *at = digits + sizeof(digits);
	size_t size;

	do
		*--at = (char)('0' + number % 10);
	while (number /= 10);
	size = (size_t)(digits + sizeof(digits) - at);
	memcpy(to, at, size);
	return size;
}

size_t quantity_change(char *to, int64_t change)
{
	uint64_t size = change < 0 ? 0 - (uint64_t)change : (uint64_t)change;

	if (!change)
		return quantity_number(to, 0);
	*to = change < 0 ? '-' : '+';
	return 1 + quantity_number(to + 1, size);
}

size_t quantity_seconds(char *to, uint64_t ms)
{
	char *at = to + quantity_number(to, ms / 1000);

	ms %= 1000;
	*at++ = '.';
	*at++ = (char)('0' + ms / 100);
	*at++ = (char)('0' + ms / 10 % 10);
	*at++ = (char)('0' + ms % 10);
	return (size_t)(at - to);
}

size_t quantity_decimal(char *to, uint64_t thousandths)
{
	int digits = thousandths < 9995 ? 2 : thousandths < 99950 ? 1 : 0;
	char text[QUANTITY_MAX];
	int size = snprintf(text, sizeof(text), "%.*f", digits, (double)thousandths / 1000);

	memcpy(to, text, (size_t)size);
	return (size_t)size;
}

size_t quantity_size(char *to, uint64_t bytes)
{
	static const char units[] = " KMGTPE";
	uint64_t tenths;
	char text[QUANTITY_MAX];
	int unit = 0, size;

	if (bytes < 1024)
		return quantity_number(to, bytes);
	while (bytes >> (10 * unit) >= 1024)
		unit++;
	tenths = (bytes >> (10 * (unit - 1))) * 10 / 1024;
	if (tenths < 100 && tenths % 10)
		size = snprintf(text, sizeof(text), "%" PRIu64 ".%" PRIu64 "%c", tenths / 10,
				tenths % 10, units[unit]);
	else
		size = snprintf(text, sizeof(text), "%" PRIu64 "%c", tenths / 10, units[unit]);
	memcpy(to, text, (size_t)size);
	return (size_t)size;
}

size_t quantity_age(char *to, uint64_t ms)
{
	uint64_t s = ms / 1000;
	char text[64];
	int size;

	if (ms < 1000)
		size = snprintf(text, sizeof(text), "%" PRIu64 "ms", ms);
	else if (s < 60)
		size = snprintf(text, sizeof(text), "%" PRIu64 "s", s);
	else if (s < 3600)
		size = snprintf(text, sizeof(text), "%" PRIu64 "m%02" PRIu64 "s", s / 60, s % 60);
	else if (s < 86400)
		size = snprintf(text, sizeof(text), "%" PRIu64 "h%02" PRIu64 "m", s / 3600,
				s / 60 % 60);
	else
		size = snprintf(text, sizeof(text), "%" PRIu64 "d%02" PRIu64 "h", s / 86400,
				s / 3600 % 24);
	memcpy(to, text, (size_t)size);
	return (size_t)size;
}
