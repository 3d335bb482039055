/* SPDX-License-Identifier: MIT */
/*
 * What regtool top shows, as lines of text: figures of the registry, and owners or namespaces.
 *
 * Used by   cmd_top.c, screen.c.
 */
#ifndef TOOLS_TOP_PANEL_H
#define TOOLS_TOP_PANEL_H

#include "tools/sample.h"
#include "tools/who.h"

/* The widest line. */
#define PANEL_WIDTH 512
#define PANEL_SUMMARY 5
/* Of a terminal that has to be enough. */
#define PANEL_COLUMNS 80

enum panel_order {
	PANEL_BY_ENTRIES,
	PANEL_BY_ENTRIES_RATE,
	PANEL_BY_UPDATES,
	PANEL_BY_BYTES,
	PANEL_BY_BYTES_RATE,
	PANEL_BY_HELD_UP,
	PANEL_BY_EXPELLED,
	PANEL_BY_PID,
	PANEL_ORDERS,
};

/* "entries" and so on; -1: there is no such order. */
const char *panel_order_name(enum panel_order order);
int panel_order_of(const char *name);

struct panel_row {
	struct kreg_owner owner; /* token 0: of a namespace */
	bool is_bad;             /* stopped, failed, or it keeps memory from being reused */
	int64_t key;
	char name[64]; /* comm or namespace, printable */
	char line[PANEL_WIDTH];
};

struct panel {
	/* What to show; set by the caller. */
	enum panel_order order;
	bool reverse;
	bool namespaces;
	char filter[64]; /* only lines that have this; empty: all */

	char summary[PANEL_SUMMARY][PANEL_WIDTH];
	char heading[PANEL_WIDTH];
	struct panel_row *rows;
	size_t count, room;
};

/*
 * Fills @panel. @columns: of the terminal; the rows are at least PANEL_COLUMNS wide.
 * Return: 0, -ENOMEM, or an error of kreg_select().
 */
int panel_make(struct panel *panel, struct kreg *k, const char *registry,
	       const struct sample *sample, size_t columns);
void panel_free(struct panel *panel);

#endif
