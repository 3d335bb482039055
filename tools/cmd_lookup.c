/* SPDX-License-Identifier: MIT */
/*
 * regtool lookup: who holds a key, with what.
 */
#include <errno.h>
#include <getopt.h>

#include "tools/client.h"
#include "tools/entries.h"
#include "tools/regtool.h"

static int list(struct client *client, struct kreg *k, const char *key, size_t *count)
{
	struct output *output = entries_new();
	int64_t got = -ENOMEM;
	int err;

	if (output)
		got = kreg_dispatch(k, key, KREG_STRING, entries_add, output);
	err = got < 0 ? (int)got : output_list(output, client->json);
	output_free(output);
	*count = err ? 0 : (size_t)got;
	return err;
}

static int run(struct client *client, int argc, char **argv)
{
	struct kreg *k;
	size_t count;
	int status, err;

	while (client_option(client, argc, argv, NULL) != -1)
		;
	if (argc - optind != 1)
		return client_usage(client);
	status = client_open(client, KREG_OPEN_READONLY, &k);
	if (status)
		return status;
	err = list(client, k, argv[optind], &count);
	if (err)
		status = client_fail(client, err, "look \"%s\" up", argv[optind]);
	else if (!count)
		status = REGTOOL_NOT_FOUND;
	kreg_close(k);
	return status;
}

const struct command cmd_lookup = {
	.name = "lookup",
	.synopsis = "lookup [--json] KEY",
	.summary = "who holds a key, with what value",
	.run = run,
};
