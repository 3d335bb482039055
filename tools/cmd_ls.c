/* SPDX-License-Identifier: MIT */
/*
 * regtool ls: who holds what.
 */
#include <errno.h>
#include <getopt.h>

#include "tools/client.h"
#include "tools/output.h"
#include "tools/regtool.h"

static const struct output_column columns[] = {
	{ "key", false },
	{ "pid", true },
	{ "value", false },
};

static int add_entry(const struct kreg_entry *entry, void *data)
{
	const struct output_cell cells[] = {
		output_bytes(entry->key, entry->key_size),
		output_number((uint64_t)entry->owner.pid),
		output_bytes(entry->value, entry->value_size),
	};

	return output_add(data, cells);
}

static int list(struct client *client, struct kreg *k, const char *prefix)
{
	struct output *output = output_new("entries", columns, 3);
	int err = -ENOMEM;

	if (output)
		err = kreg_each(k, prefix, strlen(prefix), add_entry, output);
	if (!err) {
		output_sort(output);
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
