/* SPDX-License-Identifier: MIT */
/*
 * The help, from the descriptors. The completion of each shell reads it: a line of two spaces, a
 * command and what it does; and of a command the usage, up to an empty line, and the options.
 */
#include <stdio.h>
#include <string.h>

#include "tools/commands.h"
#include "tools/options.h"

#define USAGE_WIDTH 79
#define USAGE_INDENT 14

void commands_help(void)
{
	static const char *const headings[COMMAND_GROUPS] = {
		[COMMAND_READS] = "Read",  [COMMAND_WAITS] = "Wait", [COMMAND_CHANGES] = "Change",
		[COMMAND_GUARD] = "Guard", [COMMAND_HELP] = "Help",
	};
	const struct command *command = NULL;
	int group = -1;

	printf("usage: regtool [OPTIONS] [VERB [ARGUMENTS]]\n");
	while ((command = command_next(command))) {
		if (command->group == COMMAND_ALIASES)
			continue;
		if ((int)command->group != group)
			printf("\n%s:\n", headings[command->group]);
		group = (int)command->group;
		printf("  %-10s %s\n", command->name, command->summary);
	}
	printf("\n"
	       "  -r, --registry NAME  the registry: NAME, UID:NAME or USER:NAME\n"
	       "                       ($KREG_REGISTRY; else \"default\")\n"
	       "      --json           print JSON\n"
	       "      --bytes          print exact sizes and times on a terminal, too\n"
	       "      --no-pager       print long lists on the terminal as they are\n"
	       "      --no-progress    show no progress of what takes more than a second\n"
	       "  -h, --help           of a verb: regtool help VERB, with examples\n"
	       "  -V, --version\n"
	       "\n"
	       "A verb may be abbreviated. Without one: ls.\n");
}

/* The size of what belongs together: up to a space that is in no brackets. */
static size_t piece_size(const char *text)
{
	size_t size;
	int depth = 0;

	for (size = 0; text[size] && (depth || text[size] != ' '); size++)
		depth += (text[size] == '[') - (text[size] == ']');
	return size;
}

void command_usage(FILE *to, const struct command *command)
{
	const char *at = command->synopsis;
	int column = fprintf(to, "usage: regtool");
	size_t size;

	for (; *at; at += size + (at[size] == ' ')) {
		size = piece_size(at);
		if (column + 1 + (int)size > USAGE_WIDTH)
			column = fprintf(to, "\n%*s", USAGE_INDENT, "") - 1;
		column += fprintf(to, " %.*s", (int)size, at);
	}
	fputc('\n', to);
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
	printf("  %s", line);
	if (option->is_short)
		printf(" (-%c)", option->letter);
	putchar('\n');
}

static void widen(const struct command_option *option, int *width)
{
	for (; option && option->name; option++)
		*width = width_of(option) > *width ? width_of(option) : *width;
}

static void options_help(const struct command_option *option, int width)
{
	for (; option && option->name; option++)
		option_help(option, width);
}

static void columns_help(const struct command *command)
{
	int i;

	printf("\nColumns (+ those of --output alone):\n");
	for (i = 0; i < command->column_count; i++)
		printf("  %c %-10s %s\n", command->columns[i].on_demand ? '+' : ' ',
		       command->columns[i].name, command->columns[i].help);
}

void command_explain(const struct command *command)
{
	const struct command_option *lists = command->columns ? options_of_lists : NULL;
	const struct command_example *example = command->examples;
	int width = 0;

	command_usage(stdout, command);
	printf("\n%s\n", command->summary);
	widen(command->options, &width);
	widen(lists, &width);
	if (width)
		putchar('\n');
	options_help(command->options, width);
	options_help(lists, width);
	if (lists)
		columns_help(command);
	if (example)
		printf("\nExamples:\n");
	for (; example && example->line; example++)
		printf("  %s\n        %s\n", example->line, example->says);
}
