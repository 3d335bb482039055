/* SPDX-License-Identifier: MIT */
/*
 * regtool get: the value under a key.
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

struct found {
	struct output *output; /* NULL: the bare value */
	size_t count;
};

static int take_entry(const struct kreg_entry *entry, void *data)
{
	struct found *found = data;
	const struct output_cell cells[] = {
		output_bytes(entry->key, entry->key_size),
		output_number((uint64_t)entry->owner.pid),
		output_bytes(entry->value, entry->value_size),
	};

	found->count++;
	if (found->output)
		return output_add(found->output, cells);
	fwrite(entry->value, 1, entry->value_size, stdout);
	putchar('\n');
	return 0;
}

static int get(struct client *client, struct kreg *k, const char *key)
{
	struct found found = { 0 };
	int err = 0;

	if (client->json) {
		found.output = output_new("entries", columns, 3);
		if (!found.output)
			err = -ENOMEM;
	}
	if (!err)
		err = kreg_each_of_key(k, key, KREG_STRING, take_entry, &found);
	if (!err && found.output)
		err = output_records(found.output, true);
	output_free(found.output);
	if (err && err != -ENOENT)
		return client_fail(client, err, "look \"%s\" up", key);
	if (!found.count) {
		fprintf(stderr, "regtool: nobody holds \"%s\" in registry \"%s\"\n", key,
			client->name);
		return REGTOOL_NOT_FOUND;
	}
	return REGTOOL_DONE;
}

static int run(struct client *client, int argc, char **argv)
{
	struct kreg *k;
	int status;

	while (client_option(client, argc, argv, NULL) != -1)
		;
	if (argc - optind != 1)
		return client_usage(client);
	status = client_open(client, KREG_OPEN_READONLY, &k);
	if (status)
		return status;
	status = get(client, k, argv[optind]);
	kreg_close(k);
	return status;
}

const struct command cmd_get = {
	.name = "get",
	.synopsis = "get [--json] KEY",
	.summary = "the value under a key",
	.run = run,
};
