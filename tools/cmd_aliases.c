/* SPDX-License-Identifier: MIT */
/*
 * regtool lookup, keys and select: earlier words for what ls does with options. lookup and keys
 * end with 1 where there is no such name or process.
 */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>

#include "tools/client.h"
#include "tools/entries.h"
#include "tools/listing.h"
#include "tools/regtool.h"

/* In the fallback a process may be several owners, one for each handle. */
static int visit_owner(const struct kreg_owner_facts *facts, void *data)
{
	return facts->owner.pid == *(const pid_t *)data;
}

static int not_attached(struct client *client, struct kreg *k, pid_t pid)
{
	int found = kreg_each_owner(k, visit_owner, &pid);

	if (found < 0)
		return client_fail(client, found, "list the owners in registry \"%s\"",
				   client->name);
	if (found)
		return REGTOOL_DONE;
	fprintf(stderr, "regtool: process %d is not attached to registry \"%s\"\n", pid,
		client->name);
	return REGTOOL_NOT_FOUND;
}

static int print(struct client *client, struct kreg *k, struct listing *listing)
{
	int status = listing_print(client, k, listing);

	if (status || listing->count)
		return status;
	if (listing->selection.pid)
		return not_attached(client, k, listing->selection.pid);
	if (!listing->waiting)
		return client_not_registered(client, "", listing->selection.pattern.key);
	return REGTOOL_DONE;
}

static int run(struct client *client, int argc, char **argv)
{
	struct listing listing;
	struct kreg *k;
	int option, status = REGTOOL_DONE;

	listing_init(&listing);
	while (!status && (option = client_option(client, argc, argv)) != -1)
		status = selection_option(client, &listing.selection, option, optarg);
	if (!status)
		status = client_arguments(client, argc, argv);
	/* The letter that the argument begins with is that of its option, K or P. */
	if (!status && client->command->most)
		status = selection_option(client, &listing.selection, *client->command->arguments,
					  argv[optind]);
	listing.waiting = !client->command->most;
	if (!status)
		status = client_open(client, KREG_OPEN_READONLY, &k);
	if (status)
		return status;
	if (listing.waiting && !client->form.columns)
		client->form.columns = "key,pid,comm,uid,age,state,position,value";
	status = print(client, k, &listing);
	kreg_close(k);
	return status;
}

#define LISTS .columns = entry_columns, .column_count = ENTRY_CELLS, .list = "entries", .run = run

COMMAND(lookup) = {
	.name = "lookup",
	.group = COMMAND_ALIASES,
	.synopsis = "lookup KEY " LIST_SYNOPSIS,
	.summary = "list the owners of a key, as ls --key KEY",
	.arguments = "KEY",
	.least = 1,
	.most = 1,
	LISTS,
};

COMMAND(keys) = {
	.name = "keys",
	.group = COMMAND_ALIASES,
	.synopsis = "keys PID " LIST_SYNOPSIS,
	.summary = "list the names that a process holds, as ls --pid PID",
	.arguments = "PID",
	.least = 1,
	.most = 1,
	LISTS,
};

static const struct command_option options[] = {
	SELECTION_OPTIONS,
	SELECTION_OWNER_OPTIONS,
	SELECTION_ALL_OPTION,
	{ 0 },
};

COMMAND(select) = {
	.name = "select",
	.group = COMMAND_ALIASES,
	.synopsis = "select " SELECTION_SYNOPSIS " " SELECTION_OWNER_SYNOPSIS
		    " [--all] " LIST_SYNOPSIS,
	.summary = "list entries, as ls --waiting",
	.options = options,
	LISTS,
};
