/* SPDX-License-Identifier: MIT */
/*
 * The table of commands.
 *
 * Used by   regtool.c, client.c.
 */
#ifndef TOOLS_COMMANDS_H
#define TOOLS_COMMANDS_H

#include "tools/regtool.h"

/* Return: NULL if there is no command of that name. */
const struct command *command_find(const char *name);

/* What `regtool --help` and `regtool COMMAND --help` print. */
void commands_help(void);
void command_help(const struct command *command);

#endif
