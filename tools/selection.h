/* SPDX-License-Identifier: MIT */
/*
 * Options that select entries, --key, --prefix, --glob, --pid and --value, as a pattern.
 *
 * Used by   cmd_select.c, cmd_watch.c.
 */
#ifndef TOOLS_SELECTION_H
#define TOOLS_SELECTION_H

#include "tools/client.h"
#include "tools/regtool.h"

/* For a descriptor, which may add --pid (P) and --value (v). */
#define SELECTION_OPTIONS                                                                          \
	{ "key", 'K', "KEY", "this key" },                                                         \
		{ "prefix", 'p', "PREFIX", "keys that begin with PREFIX" },                        \
	{                                                                                          \
		"glob", 'g', "GLOB", "keys that match GLOB, a shell pattern"                       \
	}

struct selection {
	struct kreg_pattern pattern;
	pid_t pid; /* 0: any */
};

void selection_init(struct selection *selection);

/* Handles one of these options. @option: its letter. Return: enum regtool_status. */
int selection_option(const struct client *client, struct selection *selection, int option,
		     const char *argument);

#endif
