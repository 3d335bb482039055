/* SPDX-License-Identifier: MIT */
/*
 * regtool get: prints the value under a key, as bare bytes or as JSON.
 */
#include <errno.h>

#include "tools/client.h"
#include "tools/entries.h"
#include "tools/regtool.h"

struct found {
	struct output *output; /* NULL: the bare value */
	size_t count;
};

static int take_entry(const struct kreg_entry *entry, void *data)
{
	struct found *found = data;

	/* It waits in line for the name. */
	if (entry->position)
		return 0;
	found->count++;
	if (found->output)
		return entries_add(entry, found->output);
	fwrite(entry->value, 1, entry->value_size, stdout);
	putchar('\n');
	return 0;
}

static int get(struct client *client, struct kreg *k, char **arguments)
{
	const char *key = arguments[0];
	struct found found = { .output = client->json ? entries_new() : NULL };
	int err = -ENOMEM;

	if (!client->json || found.output)
		err = kreg_each_of_key(k, key, KREG_STRING, take_entry, &found);
	if (!err && found.output)
		err = output_records(found.output, true);
	output_free(found.output);
	if (err && err != -ENOENT)
		return client_fail(client, err, "look up \"%s\"", key);
	return found.count ? REGTOOL_DONE : client_not_registered(client, "", key);
}

COMMAND(get) = {
	.name = "get",
	.group = COMMAND_READS,
	.synopsis = "get [--json] KEY",
	.summary = "print the value of a name",
	.use = get,
	.least = 1,
	.most = 1,
	.open = KREG_OPEN_READONLY,
};
