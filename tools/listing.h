/* SPDX-License-Identifier: MIT */
/*
 * A list of entries with their owners: what `regtool ls` and its aliases do.
 *
 * Used by   cmd_ls.c, cmd_aliases.c.
 */
#ifndef TOOLS_LISTING_H
#define TOOLS_LISTING_H

#include "tools/selection.h"

struct listing {
	struct selection selection;
	bool waiting; /* also those that wait in line */
	bool quiet;   /* prints nothing: only whether there is one */
	/* Set by listing_print(). */
	uint64_t count;
};

void listing_init(struct listing *listing);

/* Prints the entries of the registry. Return: enum regtool_status. */
int listing_print(struct client *client, struct kreg *k, struct listing *listing);

#endif
