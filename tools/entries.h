/* SPDX-License-Identifier: MIT */
/*
 * Entries as rows: key, owner and value.
 *
 * Used by   cmd_ls.c, cmd_get.c.
 */
#ifndef TOOLS_ENTRIES_H
#define TOOLS_ENTRIES_H

#include "lib/kreg.h"
#include "tools/out/output.h"
#include "tools/who.h"

enum {
	ENTRY_KEY,
	ENTRY_OWNER,
	ENTRY_VALUE = ENTRY_OWNER + WHO_CELLS,
	ENTRY_SIZE,
	ENTRY_POSITION,
	ENTRY_HOST,
	ENTRY_FLAGS,
	ENTRY_CELLS,
};

extern const struct output_column entry_columns[ENTRY_CELLS];

/* Member by member: there are 160,000 of them, and a whole struct is made elsewhere and copied. */
static inline void entry_set_bytes(struct output_cell *cell, const void *bytes, size_t size)
{
	cell->bytes = bytes;
	cell->size = size;
	cell->is_there = bytes;
}

/* Sets those that nearly every list shows: key and value. */
static inline void entry_main_cells(const struct kreg_entry *entry,
				    struct output_cell cells[ENTRY_CELLS])
{
	entry_set_bytes(&cells[ENTRY_KEY], entry->key, entry->key_size);
	entry_set_bytes(&cells[ENTRY_VALUE], entry->value, entry->value_size);
}

/*
 * Sets the cells of an entry of @k, but not those of its owner; @remote has room for what a cell of
 * another host refers to. @k is NULL where the host is not needed, because it takes a lookup of its
 * own. @cells are all 0 before the first entry, and may be used again for the next one.
 */
void entry_cells(struct kreg *k, const struct kreg_entry *entry, struct kreg_remote *remote,
		 struct output_cell cells[ENTRY_CELLS]);

#endif
