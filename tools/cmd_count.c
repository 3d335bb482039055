/* SPDX-License-Identifier: MIT */
/*
 * regtool count: counts the entries that match a pattern.
 */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>

#include "tools/client.h"
#include "tools/out/progress.h"
#include "tools/regtool.h"
#include "tools/selection.h"

static const struct output_column columns[] = { { "count", OUTPUT_NUMBER } };

/* Without a pattern kreg_count() is used: its time grows with owners, not with entries. */
static int64_t count_entries(struct kreg *k, struct selection *selection)
{
	int64_t count = -ENOMEM;

	if (selection_is_all(selection))
		return kreg_count(k);
	selection->who = who_new(k, 0);
	if (selection->who)
		count = kreg_count_select(k, &selection->pattern);
	who_free(selection->who);
	return count;
}

static int print(const struct client *client, int64_t count)
{
	const struct output_cell cell = output_number((uint64_t)count);

	if (client->form.json)
		return output_record(&client->form, columns, 1, &cell);
	printf("%" PRId64 "\n", count);
	return 0;
}

static int run(struct client *client, int argc, char **argv)
{
	struct selection selection;
	struct kreg *k;
	int64_t count;
	int option, status = REGTOOL_DONE, err;

	selection_init(&selection);
	while (!status && (option = client_option(client, argc, argv)) != -1)
		status = selection_option(client, &selection, option, optarg);
	if (!status)
		status = client_arguments(client, argc, argv);
	if (!status)
		status = client_open(client, KREG_OPEN_READONLY, &k);
	if (status)
		return status;
	progress_begin("counting", 0);
	count = count_entries(k, &selection);
	progress_end();
	err = count < 0 ? (int)count : print(client, count);
	if (err)
		status = client_fail(client, err, "count in registry \"%s\"", client->name);
	kreg_close(k);
	return status;
}

static const struct command_option options[] = {
	SELECTION_OPTIONS,
	SELECTION_OWNER_OPTIONS,
	{ 0 },
};

static const struct command_example examples[] = {
	{ "regtool count --namespace production", "how many services a namespace has" },
	{ 0 },
};

COMMAND(count) = {
	.name = "count",
	.group = COMMAND_READS,
	.synopsis = "count " SELECTION_SYNOPSIS " " SELECTION_OWNER_SYNOPSIS " [--json]",
	.summary = "count entries by key, owner and value",
	.options = options,
	.examples = examples,
	.run = run,
};
