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
	*remote = (struct kreg_remote){ .size = sizeof(*remote) };
	return k && !entry->position &&
	       kreg_remote_host(k, entry->key, entry->key_size, remote) > 0;
}

void entry_cells(struct kreg *k, const struct kreg_entry *entry, const struct who *who,
		 struct kreg_remote *remote, struct output_cell cells[ENTRY_CELLS])
{
	cells[ENTRY_KEY] = output_bytes(entry->key, entry->key_size);
	who_cells(who, cells + ENTRY_OWNER);
	cells[ENTRY_VALUE] = output_bytes(entry->value, entry->value_size);
	cells[ENTRY_SIZE] = output_number(entry->value_size);
	cells[ENTRY_POSITION] = output_number(entry->position);
	cells[ENTRY_HOST] =
		is_remote(k, entry, remote) ? output_string(remote->host) : output_none();
	cells[ENTRY_FLAGS] = output_constant(flags_name(entry->flags));
}
