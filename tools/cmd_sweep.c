/* SPDX-License-Identifier: MIT */
/*
 * regtool sweep: gives the memory of the dead back now. Root first has the guard end the lives of processes
 * that are gone, should the kernel have kept it from doing so at their exit.
 */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#ifdef HAVE_GUARD
#include "bpf/guard.h"
#endif
#include "tools/client.h"
#include "tools/output.h"
#include "tools/regtool.h"

static const struct output_column columns[] = { { "bytes_swept", true } };

static int print(struct client *client, int64_t swept)
{
	const struct output_cell cells[] = { output_number((uint64_t)swept) };
	struct output *output = output_new("sweep", columns, 1);
	int err = -ENOMEM;

	if (output)
		err = output_add(output, cells);
	if (!err)
		err = output_records(output, client->json);
	output_free(output);
	return err;
}

static void audit(void)
{
#ifdef HAVE_GUARD
	struct guard_options options = { .path = getenv("KREG_GUARD") };

	if (options.path && !*options.path)
		options.path = NULL;
	/* Where there is no guard, or the caller is not root, there is nothing to be done. */
	if (!options.path || strcmp(options.path, "none") != 0)
		guard_audit(&options, NULL);
#endif
}

static int run(struct client *client, int argc, char **argv)
{
	struct kreg *k;
	int64_t swept;
	int status, err;

	while (client_option(client, argc, argv, NULL) != -1)
		;
	if (optind != argc)
		return client_usage(client);
	status = client_open(client, KREG_OPEN_EXISTING, &k);
	if (status)
		return status;
	audit();
	swept = kreg_sweep(k);
	err = swept < 0 ? (int)swept : print(client, swept);
	if (err)
		status = client_fail(client, err, "sweep registry \"%s\"", client->name);
	kreg_close(k);
	return status;
}

const struct command cmd_sweep = {
	.name = "sweep",
	.synopsis = "sweep [--json]",
	.summary = "give the memory of the dead back now",
	.run = run,
};
