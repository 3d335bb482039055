/* SPDX-License-Identifier: MIT */
/*
 * regtool owners: lists the processes that are attached to the registry.
 */
#include <errno.h>
#include <stdio.h>

#include "tools/interval.h"
#include "tools/owners.h"

/* Rates are there with an interval only, and are its point. */
#define RATES "+entries_rate,updates_rate,bytes_rate"

struct listing {
	struct client *client;
	struct kreg *k;
	bool again;
	int status;
};

static int add(struct output *output, struct who_cache *who, const struct sample *sample,
	       const struct sample_owner *owner)
{
	struct output_cell cells[OWNER_CELLS];
	char start[OWNER_START_SIZE];
	const struct who *is = who_is(who, &owner->facts.owner);

	if (!is)
		return -ENOMEM;
	owner_cells(sample, owner, is, start, cells);
	return output_add(output, cells);
}

/* A table, or a document. @data's status says so if the options ask for what there is not. */
static int show(const struct sample *sample, void *data)
{
	struct listing *listing = data;
	struct output *output;
	struct who_cache *who;
	int err = -ENOMEM;
	size_t i;

	listing->status = client_list(listing->client, &output);
	if (listing->status)
		return -EINVAL;
	output_order(output, OWNER_WHO);
	if (listing->again && !listing->client->form.json)
		putchar('\n');
	listing->again = true;
	who = who_new(listing->k, who_needs(output, OWNER_WHO));
	if (who)
		err = 0;
	for (i = 0; i < sample->count && !err; i++)
		err = add(output, who, sample, &sample->owners[i]);
	err = output_end(output, err);
	who_free(who);
	return err;
}

static int run(struct client *client, int argc, char **argv)
{
	struct listing listing = { .client = client };
	struct interval interval = { 0 };
	int status, err;

	status = interval_parse(client, &interval, argc, argv);
	if (!status)
		status = client_open(client, KREG_OPEN_READONLY, &listing.k);
	if (status)
		return status;
	if (interval.ms) {
		client->form.no_pager = true;
		if (!client->form.columns)
			client->form.columns = RATES;
	}
	err = interval_run(listing.k, &interval, show, &listing);
	if (listing.status)
		status = listing.status;
	else if (err)
		status = client_fail(client, err, "list the owners in registry \"%s\"",
				     client->name);
	kreg_close(listing.k);
	return status;
}

static const struct command_option options[] = {
	INTERVAL_OPTIONS,
	{ 0 },
};

static const struct command_example examples[] = {
	{ "regtool owners --sort -bytes", "who has most of the memory" },
	{ "regtool owners --sort -held_up", "who keeps memory from being reused" },
	{ "regtool owners --interval 5 --sort -entries_rate", "who registers more and more" },
	{ "regtool owners -o pid,unit,start", "which units take part, and since when" },
	{ 0 },
};

COMMAND(owners) = {
	.name = "owners",
	.group = COMMAND_READS,
	.synopsis = "owners " INTERVAL_SYNOPSIS " " LIST_SYNOPSIS,
	.summary = "list the processes that are attached to the registry",
	.options = options,
	.examples = examples,
	.columns = owner_columns,
	.column_count = OWNER_CELLS,
	.list = "owners",
	.run = run,
};
