/* SPDX-License-Identifier: MIT */
/*
 * regtool lookup: lists the owners of a key with their values.
 */
#include <errno.h>

#include "tools/client.h"
#include "tools/entries.h"
#include "tools/regtool.h"

static int lookup(struct client *client, struct kreg *k, char **arguments)
{
	struct output *output = entries_new();
	int64_t got =
		output ? kreg_dispatch(k, arguments[0], KREG_STRING, entries_add, output) : -ENOMEM;
	int err = output_finish(output, got < 0 ? (int)got : 0, 0, client->json);

	if (err)
		return client_fail(client, err, "look up \"%s\"", arguments[0]);
	return got ? REGTOOL_DONE : client_not_registered(client, "", arguments[0]);
}

COMMAND(lookup) = {
	.name = "lookup",
	.group = COMMAND_READS,
	.synopsis = "lookup [--json] KEY",
	.summary = "list the owners of a key with their values",
	.use = lookup,
	.least = 1,
	.most = 1,
	.open = KREG_OPEN_READONLY,
};
