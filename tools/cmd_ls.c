/* SPDX-License-Identifier: MIT */
/*
 * regtool ls: who holds what.
 */
#include <errno.h>
#include <getopt.h>

#include "tools/client.h"
#include "tools/entries.h"
#include "tools/regtool.h"

static int list(struct client *client, struct kreg *k, const char *prefix)
{
	struct output *output = entries_new();
	int err = -ENOMEM;

	if (output)
		err = kreg_each(k, prefix, strlen(prefix), entries_add, output);
	if (!err) {
		output_sort(output, 1);
		err = output_list(output, client->json);
	}
	output_free(output);
	if (err)
		return client_fail(client, err, "list registry \"%s\"", client->name);
	return REGTOOL_DONE;
}

static int run(struct client *client, int argc, char **argv)
{
	struct kreg *k;
	int status;

	while (client_option(client, argc, argv, NULL) != -1)
		;
	if (argc - optind > 1)
		return client_usage(client);
	status = client_open(client, KREG_OPEN_READONLY, &k);
	if (status)
		return status;
	status = list(client, k, optind < argc ? argv[optind] : "");
	kreg_close(k);
	return status;
}

const struct command cmd_ls = {
	.name = "ls",
	.synopsis = "ls [--json] [PREFIX]",
	.summary = "names, who holds them, and their values",
	.run = run,
};
