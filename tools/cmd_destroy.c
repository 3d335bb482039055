/* SPDX-License-Identifier: MIT */
/*
 * regtool destroy: removes a registry.
 */
#include <errno.h>
#include <getopt.h>

#include "tools/client.h"
#include "tools/regtool.h"

static int run(struct client *client, int argc, char **argv)
{
	int force = 0;
	int status, err;

	while (client_option(client, argc, argv) != -1)
		force = 1;
	status = client_arguments(client, argc, argv);
	if (!status)
		status = client_name(client, argv[optind]);
	if (status)
		return status;
	err = kreg_destroy(client->name, &client->options, force ? KREG_DESTROY_FORCE : 0);
	if (err == -ENOENT)
		return client_no_registry(client);
	if (err)
		return client_fail(client, err, "destroy registry \"%s\"", client->name);
	return REGTOOL_DONE;
}

static const struct command_option options[] = {
	{ "force", 'f', NULL, "even if processes are attached; they must open it again" },
	{ 0 },
};

COMMAND(destroy) = {
	.name = "destroy",
	.group = COMMAND_CHANGES,
	.synopsis = "destroy NAME [--force]",
	.summary = "remove a registry",
	.options = options,
	.arguments = "NAME",
	.least = 1,
	.most = 1,
	.run = run,
};
