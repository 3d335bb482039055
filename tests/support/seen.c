/* SPDX-License-Identifier: MIT */
#include "tests/support/seen.h"

#include <stdio.h>
#include <string.h>

int seen_note(const struct kreg_entry *entry, void *data)
{
	struct seen *seen = data;
	size_t used = strlen(seen->text);

	snprintf(seen->text + used, sizeof(seen->text) - used, "%.*s=%.*s ", (int)entry->key_size,
		 (const char *)entry->key, (int)entry->value_size, (const char *)entry->value);
	return 0;
}
