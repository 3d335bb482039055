/* SPDX-License-Identifier: MIT */
/*
 * regtool destroy: removes a registry, or all leftovers of registries.
 */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <unistd.h>

#include "tools/client.h"
#include "tools/out/progress.h"
#include "tools/regtool.h"

static int destroy(struct client *client, const char *given, bool force)
{
	int status = client_name(client, given), err;

	if (status)
		return status;
	err = kreg_destroy(client->name, &client->options, force ? KREG_DESTROY_FORCE : 0);
	if (err == -ENOENT)
		return client_no_registry(client);
	if (err)
		return client_fail(client, err, "destroy registry \"%s\"", client->name);
	return REGTOOL_DONE;
}

struct leftovers {
	struct client *client;
	int status;
};

/* Another one may have replaced or removed it meanwhile; then it is left out. */
static int destroy_leftover(const struct kreg_registry *registry, void *data)
{
	struct leftovers *leftovers = data;
	struct kreg_options options = leftovers->client->options;
	int err;

	progress_step(1);
	if (registry->state != KREG_REGISTRY_LEFTOVER)
		return 0;
	options.directory = registry->directory;
	err = kreg_destroy(registry->name, &options, 0);
	if (!err)
		printf("%s in %s: destroyed\n", registry->name, registry->directory);
	else if (err != -ENOENT)
		leftovers->status =
			client_fail(leftovers->client, err, "destroy leftover \"%s\" in %s",
				    registry->name, registry->directory);
	return 0;
}

/* Those of other users are root's business. */
static int destroy_leftovers(struct client *client)
{
	struct leftovers leftovers = { .client = client };
	uint32_t flags = geteuid() ? KREG_REGISTRIES_OWN : 0;
	int err;

	progress_begin("destroying leftovers", 0);
	err = kreg_registries_each(&client->options, flags, destroy_leftover, &leftovers);
	progress_end();
	return err ? client_fail(client, err, "list the registries") : leftovers.status;
}

static int run(struct client *client, int argc, char **argv)
{
	bool force = false, leftovers = false;
	int option, status;

	while ((option = client_option(client, argc, argv)) != -1) {
		if (option == 'f')
			force = true;
		else
			leftovers = true;
	}
	if (force && leftovers)
		return client_misuse(client, "destroy: --leftovers never takes --force: what lives "
					     "is no leftover");
	status = client_count_arguments(client, argc, argv, "NAME", !leftovers, !leftovers);
	if (status)
		return status;
	return leftovers ? destroy_leftovers(client) : destroy(client, argv[optind], force);
}

static const struct command_option options[] = {
	{ "force", 'f', NULL, "even if processes are attached; they must open it again", false },
	{ "leftovers", 'l', NULL, "all files whose registry is gone; root: of all users", false },
	{ 0 },
};

static const struct command_example examples[] = {
	{ "regtool destroy services", "a registry in which nobody is" },
	{ "regtool destroy --leftovers", "what a guard that was stopped has left" },
	{ 0 },
};

COMMAND(destroy) = {
	.name = "destroy",
	.group = COMMAND_CHANGES,
	.synopsis = "destroy NAME [--force] | --leftovers",
	.summary = "remove a registry",
	.options = options,
	.examples = examples,
	.run = run,
};
