/* SPDX-License-Identifier: MIT */
/*
 * regtool select and regtool count: list and count the entries that match a pattern.
 */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "tools/client.h"
#include "tools/output.h"
#include "tools/regtool.h"
#include "tools/selection.h"

/* Entries that wait in line are counted, so they are listed too, with their position. */
static int add_entry(const struct kreg_entry *entry, void *data)
{
	const struct output_cell cells[] = {
		output_bytes(entry->key, entry->key_size),
		output_number((uint64_t)entry->owner.pid),
		output_number(entry->position),
		output_bytes(entry->value, entry->value_size),
	};

	return output_add(data, cells);
}

static int list(struct client *client, struct kreg *k, const struct kreg_pattern *pattern)
{
	static const struct output_column columns[] = {
		{ "key", false }, { "pid", true }, { "position", true }, { "value", false }
	};
	struct output *output = output_new("entries", columns, 4);
	int err = output ? kreg_select(k, pattern, add_entry, output) : -ENOMEM;

	return output_finish(output, err, 1, client->json);
}

static int print_count(struct client *client, int64_t count)
{
	if (count < 0)
		return (int)count;
	printf(client->json ? "{\"count\": %" PRId64 "}\n" : "%" PRId64 "\n", count);
	return 0;
}

/* Without a pattern kreg_count() is used: its time grows with owners, not with entries. */
static int64_t count_all(struct kreg *k, const struct kreg_pattern *pattern)
{
	if (pattern->key || pattern->prefix || pattern->glob || pattern->value || pattern->match)
		return kreg_count_select(k, pattern);
	return kreg_count(k);
}

static int select_or_count(struct client *client, int argc, char **argv)
{
	struct selection selection;
	struct kreg *k;
	int option, status, err;

	selection_init(&selection);
	while ((option = client_option(client, argc, argv)) != -1) {
		if (selection_option(client, &selection, option, optarg))
			return REGTOOL_USAGE;
	}
	if (optind != argc)
		return client_usage(client);
	status = client_open(client, KREG_OPEN_READONLY, &k);
	if (status)
		return status;
	if (strcmp(client->command->name, "count") == 0)
		err = print_count(client, count_all(k, &selection.pattern));
	else
		err = list(client, k, &selection.pattern);
	if (err)
		status = client_fail(client, err, "search registry \"%s\"", client->name);
	kreg_close(k);
	return status;
}

static const struct command_option options[] = {
	SELECTION_OPTIONS,
	{ "pid", 'P', "PID", "entries of this process" },
	{ "value", 'v', "VALUE", "entries with this value" },
	{ 0 },
};

COMMAND(select) = {
	.name = "select",
	.group = COMMAND_READS,
	.synopsis = "select [--json] [--key KEY] [--prefix PREFIX] [--glob GLOB] [--pid PID] "
		    "[--value VALUE]",
	.summary = "list entries by key, owner and value",
	.options = options,
	.run = select_or_count,
};

COMMAND(count) = {
	.name = "count",
	.group = COMMAND_READS,
	.synopsis = "count [--json] [--key KEY] [--prefix PREFIX] [--glob GLOB] [--pid PID] "
		    "[--value VALUE]",
	.summary = "count entries by key, owner and value",
	.options = options,
	.run = select_or_count,
};
