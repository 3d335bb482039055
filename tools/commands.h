/* SPDX-License-Identifier: MIT */
/*
 * The table of commands.
 */
#ifndef TOOLS_COMMANDS_H
#define TOOLS_COMMANDS_H

#include <stdio.h>

#include "tools/regtool.h"

/*
 * The command of that name, or the only one that is not an alias and begins with it.
 * Return: NULL with an error printed.
 */
const struct command *command_find(const char *name);

/* The command after @before, NULL for the first, by group and then by name; NULL at the end. */
const struct command *command_next(const struct command *before);

/* What `regtool --help` and `regtool COMMAND --help` print. */
void commands_help(void);
void command_explain(const struct command *command);

/* "usage: regtool ...", in lines of a terminal. */
void command_usage(FILE *to, const struct command *command);

#endif
