/* SPDX-License-Identifier: MIT */
/*
 * regtool get: prints the value under a key, as bare bytes or as JSON.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "tools/client.h"
#include "tools/entries.h"
#include "tools/regtool.h"

struct found {
	const struct client *client;
	struct kreg *k;
	struct who_cache *who;
	size_t count;
};

static int print_json(const struct found *found, const struct kreg_entry *entry)
{
	const struct who *who = who_is(found->who, &entry->owner);
	struct output_column columns[ENTRY_CELLS];
	struct output_cell cells[ENTRY_CELLS] = { 0 };
	struct kreg_remote remote;

	if (!who)
		return -ENOMEM;
	memcpy(columns, entry_columns, sizeof(columns));
	columns[ENTRY_FLAGS].on_demand = false;
	entry_cells(found->k, entry, &remote, cells);
	who_cells(who, cells + ENTRY_OWNER);
	return output_record(&found->client->form, columns, ENTRY_CELLS, cells);
}

static int take_entry(const struct kreg_entry *entry, void *data)
{
	struct found *found = data;

	/* It waits in line for the name. */
	if (entry->position)
		return 0;
	found->count++;
	if (found->client->form.json)
		return print_json(found, entry);
	fwrite(entry->value, 1, entry->value_size, stdout);
	putchar('\n');
	return 0;
}

static int get(struct client *client, struct kreg *k, char **arguments)
{
	const char *key = arguments[0];
	struct found found = { .client = client, .k = k, .who = who_new(k, 0) };
	int err = client_check_key(client, key);

	if (!err) {
		err = found.who ? kreg_each_of_key(k, key, KREG_STRING, take_entry, &found)
				: -ENOMEM;
		if (err && err != -ENOENT)
			err = client_fail(client, err, "look up \"%s\"", key);
		else
			err = found.count ? REGTOOL_DONE : client_not_registered(client, "", key);
	}
	who_free(found.who);
	return err;
}

static const struct command_example examples[] = {
	{ "regtool get config_server", "its value" },
	{ "regtool get config_server --json | jq .pid", "who holds it" },
	{ 0 },
};

COMMAND(get) = {
	.name = "get",
	.group = COMMAND_READS,
	.synopsis = "get KEY [--json]",
	.summary = "print the value of a name",
	.examples = examples,
	.use = get,
	.arguments = "KEY",
	.least = 1,
	.most = 1,
	.open = KREG_OPEN_READONLY,
};
