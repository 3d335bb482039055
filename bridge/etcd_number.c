/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdlib.h>

#include "bridge/etcd.h"

/* Digits and nothing else; 0: they are none, or more than 64 bits have. */
static uint64_t read_digits(const char *text)
{
	unsigned long long value;
	char *end;

	if (!text || *text < '0' || *text > '9')
		return 0;
	errno = 0;
	value = strtoull(text, &end, 10);
	return errno || *end ? 0 : value;
}

uint64_t etcd_id(const json_t *object, const char *key)
{
	const json_t *number = json_object_get(object, key);

	if (json_is_integer(number))
		return json_integer_value(number) > 0 ? (uint64_t)json_integer_value(number) : 0;
	return read_digits(json_string_value(number));
}

uint64_t etcd_number(const json_t *object, const char *key)
{
	uint64_t value = etcd_id(object, key);

	return value > INT64_MAX ? 0 : value;
}
