/* SPDX-License-Identifier: MIT */
/*
 * regtool ls: lists names with owners and values.
 */
#include <getopt.h>

#include "tools/client.h"
#include "tools/entries.h"
#include "tools/listing.h"
#include "tools/out/progress.h"
#include "tools/regtool.h"

static int parse(struct client *client, struct listing *listing, int argc, char **argv)
{
	int option, status;

	while ((option = client_option(client, argc, argv)) != -1) {
		status = REGTOOL_DONE;
		if (option == 'q') {
			listing->quiet = true;
			progress_forbid();
		} else if (option == 'w') {
			listing->waiting = true;
		} else {
			status = selection_option(client, &listing->selection, option, optarg);
		}
		if (status)
			return status;
	}
	status = client_arguments(client, argc, argv);
	if (!status && optind < argc)
		status = selection_prefix(client, &listing->selection, argv[optind]);
	return status;
}

static int run(struct client *client, int argc, char **argv)
{
	struct listing listing;
	struct kreg *k;
	int status;

	listing_init(&listing);
	status = parse(client, &listing, argc, argv);
	if (!status)
		status = client_open(client, KREG_OPEN_READONLY, &k);
	if (status)
		return status;
	status = listing_print(client, k, &listing);
	kreg_close(k);
	return status;
}

static const struct command_option options[] = {
	SELECTION_OPTIONS,
	SELECTION_OWNER_OPTIONS,
	SELECTION_ALL_OPTION,
	{ "waiting", 'w', NULL, "also those that wait in line for a name", false },
	{ "quiet", 'q', NULL, "print nothing; the exit status is 1 if there is none", true },
	{ 0 },
};

static const struct command_example examples[] = {
	{ "regtool ls --namespace production", "the services of a namespace, and who they are" },
	{ "regtool ls --state stopped -q && echo 'somebody hangs'",
	  "whether a process that is stopped holds a name" },
	{ "regtool ls -o key --no-header cache/", "keys alone, a line for each" },
	{ "regtool ls -o +unit,cmdline --sort -age",
	  "the longest running first, with their units" },
	{ 0 },
};

COMMAND(ls) = {
	.name = "ls",
	.group = COMMAND_READS,
	.synopsis = "ls [PREFIX] " SELECTION_SYNOPSIS " " SELECTION_OWNER_SYNOPSIS
		    " [--all] [--waiting] [--quiet] " LIST_SYNOPSIS,
	.summary = "list names with owners and values",
	.options = options,
	.examples = examples,
	.columns = entry_columns,
	.column_count = ENTRY_CELLS,
	.list = "entries",
	.arguments = "PREFIX",
	.most = 1,
	.run = run,
};
