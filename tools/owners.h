/* SPDX-License-Identifier: MIT */
/*
 * Owners as rows: who they are, what they have in the registry, and whether they hold memory up.
 *
 * Used by   cmd_owners.c, cmd_top.c.
 */
#ifndef TOOLS_OWNERS_H
#define TOOLS_OWNERS_H

#include "tools/sample.h"
#include "tools/who.h"

enum {
	OWNER_WHO,
	OWNER_ENTRIES = OWNER_WHO + WHO_CELLS,
	OWNER_ENTRIES_RATE,
	OWNER_UPDATES_RATE,
	OWNER_BYTES,
	OWNER_BYTES_RATE,
	OWNER_READERS,
	OWNER_HELD_UP,
	OWNER_EXPELLED,
	OWNER_EXPELLED_AGO,
	OWNER_SLOTS,
	OWNER_LOG,
	OWNER_START,
	OWNER_CELLS,
};

extern const struct output_column owner_columns[OWNER_CELLS];

/* @sample: the one that @owner is of. @start: room for a cell's text. */
#define OWNER_START_SIZE 40
void owner_cells(const struct sample *sample, const struct sample_owner *owner,
		 const struct who *who, char *start, struct output_cell cells[OWNER_CELLS]);

#endif
