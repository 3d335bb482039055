/* SPDX-License-Identifier: MIT */
#include "tests/support/any_parts.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define KEYS 24u

const unsigned char any_zeros[KREG_VALUE_MAX];

int64_t any_said(struct any *any, const char *call, int64_t result)
{
	if (any->said)
		any->said(any->said_data, call, result);
	return result;
}

uint32_t any_below(struct any *any, uint32_t end)
{
	return any->number(any->data) % end;
}

void any_must(bool holds)
{
	if (!holds)
		abort();
}

struct any_key any_key(struct any *any)
{
	uint32_t number = any_below(any, KEYS);
	struct any_key key = { .size = 2 };

	memset(key.bytes, 'k', sizeof(key.bytes));
	key.bytes[1] = (char)('a' + number);
	switch (number % 6) {
	case 0:
		memcpy(key.bytes, "space/", 6);
		key.bytes[6] = (char)('a' + number);
		key.size = 7;
		break;
	case 1:
		key.size = 62;
		break;
	case 2:
		key.bytes[2] = 0;
		key.size = 10;
		break;
	case 3:
		key.size = KREG_KEY_MAX;
		break;
	default:
		break;
	}
	return key;
}

uint32_t any_value_size(struct any *any)
{
	/* The last fit into no gift, and into no heap of some tests. */
	static const uint32_t sizes[] = { 0,  1,   8,    8,    8,     8,
					  20, 300, 1000, 3000, 15000, KREG_VALUE_MAX };

	return sizes[any_below(any, sizeof(sizes) / sizeof(*sizes))];
}

int64_t any_integer(struct any *any)
{
	static const int64_t integers[] = { INT64_MIN, INT64_MIN + 1, -1,       0, 1,
					    2,         INT64_MAX - 1, INT64_MAX };

	return integers[any_below(any, sizeof(integers) / sizeof(*integers))];
}

void any_look_at(const void *bytes, size_t size)
{
	static volatile unsigned char sink;
	const unsigned char *at = bytes;
	unsigned char sum = 0;
	size_t i;

	for (i = 0; i < size; i++)
		sum ^= at[i];
	sink = sum;
	(void)sink;
}

int any_look(const struct kreg_entry *entry, void *data)
{
	struct any *any = data;

	any_must(entry->key_size <= KREG_KEY_MAX && entry->value_size <= KREG_VALUE_MAX);
	any_look_at(entry->key, entry->key_size);
	any_look_at(entry->value, entry->value_size);
	any->owner = entry->owner;
	return 0;
}

int any_match_some(const struct kreg_entry *entry, void *data)
{
	struct any *any = data;

	any_look(entry, any);
	return (int)any_below(any, 2);
}

ssize_t any_change_value(void *value, size_t capacity, const void *old, size_t old_size, void *data)
{
	struct any *any = data;
	uint32_t size = any_value_size(any);

	any_must(size <= capacity);
	any_look_at(old, old_size);
	memset(value, 1, size);
	return any_below(any, 4) ? (ssize_t)size : -ECANCELED;
}
