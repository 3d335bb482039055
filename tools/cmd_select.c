/* SPDX-License-Identifier: MIT */
/*
 * regtool select and regtool count: entries by a pattern.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "tools/client.h"
#include "tools/output.h"
#include "tools/regtool.h"
#include "tools/selection.h"

/* Those who wait in line are counted too, so they are listed. */
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

	if (!err) {
		output_sort(output, 1);
		err = output_list(output, client->json);
	}
	output_free(output);
	return err;
}

static int print_count(struct client *client, int64_t count)
{
	if (count < 0)
		return (int)count;
	printf(client->json ? "{\"count\": %" PRId64 "}\n" : "%" PRId64 "\n", count);
	return 0;
}

/* Without a pattern the count takes time by owners, not by entries. */
static int64_t count_all(struct kreg *k, const struct kreg_pattern *pattern)
{
	if (pattern->key || pattern->prefix || pattern->glob || pattern->value || pattern->match)
		return kreg_count_select(k, pattern);
	return kreg_count(k);
}

static int run(struct client *client, int argc, char **argv)
{
	static const struct option options[] = { SELECTION_OPTIONS, { 0 } };
	struct selection selection;
	struct kreg *k;
	int option, status, err;

	selection_init(&selection);
	while ((option = client_option(client, argc, argv, options)) != -1) {
		if (selection_option(&selection, option, optarg) < 0)
			return client_misuse(client, "\"%s\" is no pid", optarg);
	}
	if (optind != argc)
		return client_usage(client);
	status = client_open(client, KREG_OPEN_READONLY, &k);
	if (status)
		return status;
	if (client->command == &cmd_count)
		err = print_count(client, count_all(k, &selection.pattern));
	else
		err = list(client, k, &selection.pattern);
	if (err)
		status = client_fail(client, err, "go through registry \"%s\"", client->name);
	kreg_close(k);
	return status;
}

#define HELP                                                                                       \
	SELECTION_HELP "  --pid PID   of that process\n"                                           \
		       "  --value V   with that value\n"

const struct command cmd_select = {
	.name = "select",
	.synopsis = "select [--json] [--key K] [--prefix P] [--glob G] [--pid PID] [--value V]",
	.summary = "entries by key, owner and value",
	.options = HELP,
	.run = run,
};

const struct command cmd_count = {
	.name = "count",
	.synopsis = "count [--json] [--key K] [--prefix P] [--glob G] [--pid PID] [--value V]",
	.summary = "how many there are",
	.options = HELP,
	.run = run,
};
