/* SPDX-License-Identifier: MIT */
/*
 * regtool ls: lists names with owners and values.
 */
#include <errno.h>

#include "tools/client.h"
#include "tools/entries.h"
#include "tools/regtool.h"

static int list(struct client *client, struct kreg *k, char **arguments)
{
	const char *prefix = arguments[0] ? arguments[0] : "";
	struct output *output = entries_new();
	int err = output ? kreg_each(k, prefix, strlen(prefix), entries_add, output) : -ENOMEM;

	err = output_finish(output, err, 1, client->json);
	if (err)
		return client_fail(client, err, "list registry \"%s\"", client->name);
	return REGTOOL_DONE;
}

COMMAND(ls) = {
	.name = "ls",
	.group = COMMAND_READS,
	.synopsis = "ls [--json] [PREFIX]",
	.summary = "list names with owners and values",
	.use = list,
	.most = 1,
	.open = KREG_OPEN_READONLY,
};
