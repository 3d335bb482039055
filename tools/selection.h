/* SPDX-License-Identifier: MIT */
/*
 * Which entries a command means: --key, --prefix, --glob, --pid and --value as a pattern.
 *
 * Used by   cmd_select.c, cmd_watch.c.
 */
#ifndef TOOLS_SELECTION_H
#define TOOLS_SELECTION_H

#include "tools/client.h"
#include "tools/regtool.h"

/* Of a descriptor. --pid and --value are understood as well, where the descriptor has them. */
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

/* @option: the letter of one of these. Return: enum regtool_status. */
int selection_option(const struct client *client, struct selection *selection, int option,
		     const char *argument);

#endif
