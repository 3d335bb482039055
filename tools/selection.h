/* SPDX-License-Identifier: MIT */
/*
 * Which entries a command means: --key, --prefix, --glob, --pid and --value as a pattern.
 *
 * Used by   cmd_select.c, cmd_watch.c.
 */
#ifndef TOOLS_SELECTION_H
#define TOOLS_SELECTION_H

#include <getopt.h>

#include "lib/kreg.h"

#define SELECTION_OPTIONS                                                                          \
	{ "key", required_argument, NULL, 'K' }, { "prefix", required_argument, NULL, 'p' },       \
		{ "glob", required_argument, NULL, 'g' }, { "pid", required_argument, NULL, 'P' }, \
	{                                                                                          \
		"value", required_argument, NULL, 'v'                                              \
	}
#define SELECTION_HELP                                                                             \
	"  --key K     that key\n"                                                                 \
	"  --prefix P  keys that begin with P\n"                                                   \
	"  --glob G    keys that match G, as file names in the shell\n"

struct selection {
	struct kreg_pattern pattern;
	pid_t pid; /* 0: any */
};

void selection_init(struct selection *selection);

/* Return: 1 if @option is one of SELECTION_OPTIONS; -EINVAL if its argument is wrong; else 0. */
int selection_option(struct selection *selection, int option, const char *argument);

#endif
