/* SPDX-License-Identifier: MIT */
/*
 * regtool get: the value under a key.
 */
#include <errno.h>
#include <getopt.h>

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

	if (entry->position)
		return 0;
	found->count++;
	if (found->output)
		return entries_add(entry, found->output);
	fwrite(entry->value, 1, entry->value_size, stdout);
	putchar('\n');
	return 0;
}

static int get(struct client *client, struct kreg *k, const char *key)
{
	struct found found = { 0 };
	int err = 0;

	if (client->json) {
		found.output = entries_new();
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
