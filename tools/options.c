/* SPDX-License-Identifier: MIT */
/*
 * Options by getopt_long(3), with errors that say what was meant.
 */
#include "tools/options.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools/client.h"
#include "tools/commands.h"
#include "tools/out/progress.h"
#include "tools/out/text.h"
#include "tools/suggest.h"

/* Far more than any command has. */
#define OPTIONS_MAX 48

enum {
	OPTION_BYTES = 256,
	OPTION_NO_PAGER,
	OPTION_NO_PROGRESS,
	OPTION_SORT,
	OPTION_NO_HEADER,
};

const struct command_option options_of_lists[] = {
	{ "output", 'o', "COLUMNS", "these columns, apart by commas; +COLUMNS: besides the usual",
	  true },
	{ "sort", OPTION_SORT, "COLUMN", "by this column; -COLUMN: the largest first", false },
	{ "no-header", OPTION_NO_HEADER, NULL, "no headings", false },
	{ "json", 'j', NULL, "one document of JSON", false },
	{ 0 },
};

static const struct option common[] = {
	{ "registry", required_argument, NULL, 'r' },
	{ "json", no_argument, NULL, 'j' },
	{ "bytes", no_argument, NULL, OPTION_BYTES },
	{ "no-pager", no_argument, NULL, OPTION_NO_PAGER },
	{ "no-progress", no_argument, NULL, OPTION_NO_PROGRESS },
	{ "help", no_argument, NULL, 'h' },
	/* Only before the command. */
	{ "version", no_argument, NULL, 'V' },
};

struct parser {
	struct option options[OPTIONS_MAX];
	char letters[2 * OPTIONS_MAX];
};

static void add_own(struct parser *parser, size_t *count, const struct command_option *own)
{
	size_t letters = strlen(parser->letters);

	for (; own && own->name && *count < OPTIONS_MAX - 1; own++) {
		parser->options[(*count)++] = (struct option){
			.name = own->name,
			.has_arg = own->argument ? required_argument : no_argument,
			.val = own->letter,
		};
		if (!own->is_short)
			continue;
		parser->letters[letters++] = (char)own->letter;
		if (own->argument)
			parser->letters[letters++] = ':';
	}
	parser->letters[letters] = '\0';
}

/* The options that all commands share and those of @command; NULL: those before the command. */
static void list_options(const struct command *command, struct parser *parser)
{
	size_t count = sizeof(common) / sizeof(common[0]) - (command != NULL);

	*parser = (struct parser){ 0 };
	/* "+": before the command, parsing stops at its name. ":": errors are reported here. */
	strcpy(parser->letters, command ? ":r:h" : "+:r:hV");
	memcpy(parser->options, common, count * sizeof(common[0]));
	if (!command)
		return;
	add_own(parser, &count, command->options);
	if (command->columns)
		add_own(parser, &count, options_of_lists);
}

static void print_hint(const struct parser *parser, const char *typed)
{
	struct suggestion suggestion = { .typed = typed };
	size_t i;

	for (i = 0; parser->options[i].name; i++)
		suggest(&suggestion, parser->options[i].name);
	if (suggestion.word)
		fprintf(stderr, "; did you mean --%s?", suggestion.word);
}

/* @found: '?' or ':' of getopt_long(). Exits. */
static void refuse(const struct client *client, const struct parser *parser, int found,
		   const char *word)
{
	const char *name = client->command ? client->command->name : "before the verb,";
	char typed[64];

	fprintf(stderr, "regtool: %s%s ", name, client->command ? ":" : "");
	if (found == ':') {
		fprintf(stderr, "%s needs an argument", word);
	} else if (!strncmp(word, "--", 2)) {
		snprintf(typed, sizeof(typed), "%.*s", (int)strcspn(word + 2, "="), word + 2);
		fputs("there is no option \"--", stderr);
		text_print(stderr, typed, strlen(typed));
		fputc('"', stderr);
		if (optopt)
			fputs(" with an argument", stderr);
		else
			print_hint(parser, typed);
	} else {
		fputs("there is no option \"-", stderr);
		text_print(stderr, &(char){ (char)optopt }, 1);
		fputc('"', stderr);
	}
	fputc('\n', stderr);
	exit(client_usage(client));
}

static void print_help(const struct command *command)
{
	if (command)
		command_explain(command);
	else
		commands_help();
	exit(client_end(REGTOOL_DONE));
}

/* Return: whether @option is one that all commands share, or one of lists. */
static bool take_common(struct client *client, int option)
{
	switch (option) {
	case 'r':
		client->registry = optarg;
		return true;
	case 'j':
		client->form.json = true;
		/* It would meet JSON that is still being written. */
		if (isatty(STDOUT_FILENO))
			progress_forbid();
		return true;
	case OPTION_BYTES:
		client->form.exact = true;
		return true;
	case OPTION_NO_PAGER:
		client->form.no_pager = true;
		return true;
	case OPTION_NO_PROGRESS:
		progress_forbid();
		return true;
	case OPTION_SORT:
		client->form.sort = optarg;
		return true;
	case OPTION_NO_HEADER:
		client->form.no_header = true;
		return true;
	case 'o':
		if (!client->command || !client->command->columns)
			return false;
		client->form.columns = optarg;
		return true;
	default:
		return false;
	}
}

int client_option(struct client *client, int argc, char **argv)
{
	struct parser parser;
	const char *word;
	int option;

	list_options(client->command, &parser);
	opterr = 0;
	do {
		/* Where arguments stand before options, the option is behind them, not at optind. */
		option = getopt_long(argc, argv, parser.letters, parser.options, NULL);
		word = optind > 0 && optind <= argc ? argv[optind - 1] : "";
		if (option == '?' || option == ':')
			refuse(client, &parser, option, word);
		if (option == 'h')
			print_help(client->command);
		if (option == 'V') {
			printf("regtool %s\n", kreg_version());
			exit(client_end(REGTOOL_DONE));
		}
	} while (take_common(client, option));
	return option;
}

/* The word number @at of @names. */
static int name_of(const char *names, int at, const char **name)
{
	for (; at; at--)
		names += strcspn(names, " ") + 1;
	*name = names;
	return (int)strcspn(names, " ");
}

int client_count_arguments(const struct client *client, int argc, char **argv, const char *names,
			   int least, int most)
{
	const char *name, *extra;
	int size;

	if (argc - optind < least) {
		size = name_of(names, argc - optind, &name);
		return client_misuse(client, "%s: %.*s is missing", client->command->name, size,
				     name);
	}
	if (argc - optind > most) {
		extra = argv[optind + most];
		fprintf(stderr, "regtool: %s: \"", client->command->name);
		text_print(stderr, extra, strlen(extra));
		fputs("\" is one argument too many\n", stderr);
		return client_usage(client);
	}
	return REGTOOL_DONE;
}

int client_arguments(const struct client *client, int argc, char **argv)
{
	const struct command *command = client->command;

	return client_count_arguments(client, argc, argv, command->arguments, command->least,
				      command->most);
}
