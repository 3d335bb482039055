/* SPDX-License-Identifier: MIT */
/*
 * The table of commands, as the linker has collected it (COMMAND() in regtool.h). The order
 * within the section depends on the linker and on link-time optimization, so the order that
 * users see is computed here.
 */
#include "tools/commands.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

/* The linker defines both for a section whose name is a C identifier. */
extern const struct command *const __start_regtool_commands[] __attribute__((visibility("hidden")));
extern const struct command *const __stop_regtool_commands[] __attribute__((visibility("hidden")));

static int compare(const struct command *a, const struct command *b)
{
	if (a->group != b->group)
		return a->group < b->group ? -1 : 1;
	return strcmp(a->name, b->name);
}

/* The command after @before, NULL for the first, by group and then by name; NULL at the end. */
static const struct command *next(const struct command *before)
{
	const struct command *const *at;
	const struct command *least = NULL;

	for (at = __start_regtool_commands; at < __stop_regtool_commands; at++) {
		if (before && compare(*at, before) <= 0)
			continue;
		if (!least || compare(*at, least) < 0)
			least = *at;
	}
	return least;
}

const struct command *command_find(const char *name)
{
	const struct command *command = NULL;

	while ((command = next(command))) {
		if (strcmp(command->name, name) == 0)
			break;
	}
	return command;
}

void commands_help(void)
{
	static const char *const headings[COMMAND_GROUPS] = {
		[COMMAND_READS] = "Read",
		[COMMAND_WAITS] = "Wait",
		[COMMAND_CHANGES] = "Change",
		[COMMAND_GUARD] = "Guard",
	};
	const struct command *command = NULL;
	int group = -1;

	printf("usage: regtool [-r NAME] [--json] [COMMAND]\n");
	while ((command = next(command))) {
		if ((int)command->group != group)
			printf("\n%s:\n", headings[command->group]);
		group = (int)command->group;
		printf("  %-8s %s\n", command->name, command->summary);
	}
	printf("\n"
	       "  -r, --registry NAME  the registry: NAME, UID:NAME or USER:NAME\n"
	       "                       ($KREG_REGISTRY; else \"default\")\n"
	       "      --json           print JSON\n"
	       "  -h, --help           of a command: regtool COMMAND --help\n"
	       "  -V, --version\n"
	       "\n"
	       "Without a COMMAND: ls.\n");
}

static int width_of(const struct command_option *option)
{
	size_t size = strlen(option->name) + (option->argument ? 1 + strlen(option->argument) : 0);

	return (int)size;
}

static void option_help(const struct command_option *option, int width)
{
	const char *line = option->help, *end;

	printf("  --%s%s%s%*s", option->name, option->argument ? " " : "",
	       option->argument ? option->argument : "", width - width_of(option), "");
	while ((end = strchr(line, '\n'))) {
		printf("  %.*s\n%*s", (int)(end - line), line, width + 4, "");
		line = end + 1;
	}
	printf("  %s\n", line);
}

void command_help(const struct command *command)
{
	const struct command_option *option;
	int width = 0;

	printf("usage: regtool %s\n\n%s\n", command->synopsis, command->summary);
	if (!command->options)
		return;
	for (option = command->options; option->name; option++)
		width = width_of(option) > width ? width_of(option) : width;
	putchar('\n');
	for (option = command->options; option->name; option++)
		option_help(option, width);
}
