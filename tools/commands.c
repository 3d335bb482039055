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

#include "tools/out/text.h"
#include "tools/suggest.h"

/* The linker defines both for a section whose name is a C identifier. */
extern const struct command *const __start_regtool_commands[] __attribute__((visibility("hidden")));
extern const struct command *const __stop_regtool_commands[] __attribute__((visibility("hidden")));

static int compare(const struct command *a, const struct command *b)
{
	if (a->group != b->group)
		return a->group < b->group ? -1 : 1;
	return strcmp(a->name, b->name);
}

const struct command *command_next(const struct command *before)
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

static bool begins(const struct command *command, const char *name)
{
	return command->group != COMMAND_ALIASES && !strncmp(command->name, name, strlen(name));
}

static void print_unknown(const char *name)
{
	struct suggestion suggestion = { .typed = name };
	const struct command *command = NULL;

	while ((command = command_next(command)))
		suggest(&suggestion, command->name);
	fputs("regtool: no verb \"", stderr);
	text_print(stderr, name, strlen(name));
	if (suggestion.word)
		fprintf(stderr, "\"; did you mean %s?\n", suggestion.word);
	else
		fputs("\"; see `regtool help`\n", stderr);
}

static void print_ambiguous(const char *name)
{
	const struct command *command = NULL;
	const char *before = "";

	fprintf(stderr, "regtool: \"%s\" may be ", name);
	while ((command = command_next(command))) {
		if (!begins(command, name))
			continue;
		fprintf(stderr, "%s%s", before, command->name);
		before = " or ";
	}
	fputs("; type more of it\n", stderr);
}

const struct command *command_find(const char *name)
{
	const struct command *command = NULL, *found = NULL;
	int count = 0;

	while ((command = command_next(command))) {
		if (!strcmp(command->name, name))
			return command;
		if (*name && begins(command, name)) {
			found = command;
			count++;
		}
	}
	if (count > 1)
		print_ambiguous(name);
	else if (!count)
		print_unknown(name);
	return count == 1 ? found : NULL;
}
