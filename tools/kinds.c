/* SPDX-License-Identifier: MIT */
#include "tools/kinds.h"

#include <errno.h>
#include <string.h>

#include "lib/kreg.h"

static const char *const keys_names[] = {
	[KREG_KEYS_UNIQUE] = "unique",
	[KREG_KEYS_DUPLICATE] = "duplicate",
	[KREG_KEYS_DUPLICATE_BY_KEY] = "duplicate-by-key",
};
#define KINDS_OF_KEYS (sizeof(keys_names) / sizeof(keys_names[0]))

const char *keys_name(uint32_t keys)
{
	return keys < KINDS_OF_KEYS ? keys_names[keys] : keys_names[KREG_KEYS_DUPLICATE_BY_KEY];
}

int keys_of_name(const char *name, uint32_t *keys)
{
	uint32_t i;

	for (i = 0; i < KINDS_OF_KEYS; i++) {
		if (!strcmp(keys_names[i], name)) {
			*keys = i;
			return 0;
		}
	}
	return -EINVAL;
}

const char *life_name(uint32_t life)
{
	return life == KREG_LIFE_GUARD ? "guard" : "fallback";
}
