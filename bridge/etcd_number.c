/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdlib.h>

#include "bridge/etcd.h"

uint64_t etcd_number(const json_t *object, const char *key)
{
	const json_t *number = json_object_get(object, key);
	const char *text;
	char *end;
	unsigned long long value;

	if (json_is_integer(number))
		return json_integer_value(number) > 0 ? (uint64_t)json_integer_value(number) : 0;
	text = json_string_value(number);
	if (!text || *text < '0' || *text > '9')
		return 0;
	errno = 0;
	value = strtoull(text, &end, 10);
	return errno || *end || value > INT64_MAX ? 0 : value;
}
