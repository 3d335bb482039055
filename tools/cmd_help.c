/* SPDX-License-Identifier: MIT */
/*
 * regtool help: what there is to do, and how, with examples.
 */
#include <getopt.h>

#include "tools/client.h"
#include "tools/commands.h"
#include "tools/regtool.h"

static int run(struct client *client, int argc, char **argv)
{
	const struct command *command;
	int status;

	while (client_option(client, argc, argv) != -1)
		;
	status = client_arguments(client, argc, argv);
	if (status)
		return status;
	if (optind == argc) {
		commands_help();
		return REGTOOL_DONE;
	}
	command = command_find(argv[optind]);
	if (!command)
		return REGTOOL_USAGE;
	command_explain(command);
	return REGTOOL_DONE;
}

COMMAND(help) = {
	.name = "help",
	.group = COMMAND_HELP,
	.synopsis = "help [VERB]",
	.summary = "explain a verb, with examples",
	.arguments = "VERB",
	.most = 1,
	.run = run,
};
