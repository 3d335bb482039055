/* SPDX-License-Identifier: MIT */
/*
 * Entries as rows of a listing.
 */
#include "tools/entries.h"

struct output *entries_new(void)
{
	static const struct output_column columns[] = {
		{ "key", false },
		{ "pid", true },
		{ "value", false },
	};

	return output_new("entries", columns, 3);
}

int entries_add(const struct kreg_entry *entry, void *data)
{
	const struct output_cell cells[] = {
		output_bytes(entry->key, entry->key_size),
		output_number((uint64_t)entry->owner.pid),
		output_bytes(entry->value, entry->value_size),
	};

	return entry->position ? 0 : output_add(data, cells);
}
