/* SPDX-License-Identifier: MIT */
#include "tests/support/value.h"

#include <check.h>
#include <string.h>

ssize_t value_grow(void *to, size_t capacity, const void *old, size_t old_size, void *data)
{
	(void)old;
	(void)old_size;
	(void)data;
	memset(to, 0, capacity);
	return (ssize_t)capacity;
}

void value_is(struct kreg *k, const char *key, const char *text)
{
	char got[64];

	ck_assert_int_eq(kreg_lookup(k, key, KREG_STRING, got, sizeof(got), NULL),
			 (ssize_t)strlen(text));
	ck_assert_mem_eq(got, text, strlen(text));
}
