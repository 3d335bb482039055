/* SPDX-License-Identifier: MIT */
/*
 * Entries as rows.
 */
#include "tools/entries.h"

const struct output_column entry_columns[ENTRY_CELLS] = {
	{ "key", OUTPUT_TEXT, "the name", false },
	WHO_COLUMNS,
	{ "value", OUTPUT_TEXT, "what it is registered with", false },
	{ "size", OUTPUT_SIZE, "of the value", true },
	{ "position", OUTPUT_NUMBER, "how many are ahead of it in the line for the name", true },
	{ "host", OUTPUT_TEXT, "the other host that it is of", true },
	{ "flags", OUTPUT_TEXT,
	  "replaceable: another process may take the name over; drop: and ends "
	  "this entry then",
	  true },
};

/* NULL: none. DROP is never without REPLACEABLE. */
static const char *flags_name(uint32_t flags)
{
	if (flags & KREG_REGISTER_DROP)
		return "replaceable,drop";
	return flags & KREG_REGISTER_REPLACEABLE ? "replaceable" : NULL;
}

static bool is_remote(struct kreg *k, const struct kreg_entry *entry, struct kreg_remote *remote)
{
	if (!k || entry->position)
		return false;
	*remote = (struct kreg_remote){ .size = sizeof(*remote) };
	return kreg_remote_host(k, entry->key, entry->key_size, remote) > 0;
}

static void set_number(struct output_cell *cell, uint64_t number)
{
	cell->number = number;
	cell->is_there = true;
}

void entry_cells(struct kreg *k, const struct kreg_entry *entry, struct kreg_remote *remote,
		 struct output_cell cells[ENTRY_CELLS])
{
	const char *host = is_remote(k, entry, remote) ? remote->host : NULL;
	const char *flags = flags_name(entry->flags);

	entry_main_cells(entry, cells);
	set_number(&cells[ENTRY_SIZE], entry->value_size);
	set_number(&cells[ENTRY_POSITION], entry->position);
	entry_set_bytes(&cells[ENTRY_HOST], host, host ? strlen(host) : 0);
	entry_set_bytes(&cells[ENTRY_FLAGS], flags, flags ? strlen(flags) : 0);
}
