/* SPDX-License-Identifier: MIT */
/*
 * The value of a name, grown and looked at.
 */
#ifndef KREG_TESTS_SUPPORT_VALUE_H
#define KREG_TESTS_SUPPORT_VALUE_H

#include <sys/types.h>

#include "lib/kreg.h"

/* For kreg_update_with(): as large as a value can be. */
ssize_t value_grow(void *to, size_t capacity, const void *old, size_t old_size, void *data);

/* @key is a name of @k with the value @text. */
void value_is(struct kreg *k, const char *key, const char *text);

#endif
