/* SPDX-License-Identifier: MIT */
/*
 * The options and the number of arguments of a command line.
 */
#ifndef TOOLS_OPTIONS_H
#define TOOLS_OPTIONS_H

#include "tools/regtool.h"

struct client;

/* Those of each command that lists; ends with one without a name. */
extern const struct command_option options_of_lists[];

/*
 * Parses the next option. Handles those that all commands share and those of lists, and exits at
 * --help, at --version and at an unknown option.
 * Return: the letter of an option of the command's descriptor, with its argument in optarg;
 *         -1 at the end, with the first argument at optind.
 */
int client_option(struct client *client, int argc, char **argv);

/*
 * Checks behind the options that there are as many arguments as the descriptor says, and prints
 * which is missing or one too many. Return: enum regtool_status.
 */
int client_arguments(const struct client *client, int argc, char **argv);

/* The same of a word of a command, as `meta put`, of which @names are the arguments. */
int client_count_arguments(const struct client *client, int argc, char **argv, const char *names,
			   int least, int most);

#endif
