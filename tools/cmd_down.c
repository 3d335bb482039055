/* SPDX-License-Identifier: MIT */
/*
 * regtool down: stops the services of a namespace.
 */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>

#include "lib/kreg-services.h"
#include "tools/client.h"
#include "tools/out/progress.h"
#include "tools/regtool.h"

#define TIMEOUT_MAX 86400

static int stop(struct client *client, const char *space, int64_t ms)
{
	struct kreg *k;
	int64_t stopped;
	int status = client_open(client, KREG_OPEN_EXISTING, &k);

	if (status)
		return status;
	progress_begin("stopping", 0);
	stopped = kreg_namespace_stop(k, space, (uint32_t)ms);
	progress_end();
	kreg_close(k);
	if (stopped < 0)
		return client_fail(client, (int)stopped, "stop the services of %s", space);
	if (!stopped) {
		fprintf(stderr, "regtool: namespace \"%s\" is empty\n", space);
		return REGTOOL_NOT_FOUND;
	}
	printf("%s is down: %" PRId64 " stopped\n", space, stopped);
	return REGTOOL_DONE;
}

static int run(struct client *client, int argc, char **argv)
{
	const char *space = "production";
	int64_t ms = 0;
	int option, status;

	while ((option = client_option(client, argc, argv)) != -1) {
		if (option == 'n')
			space = optarg;
		else if (client_seconds(client, "--timeout", optarg, TIMEOUT_MAX, &ms))
			return REGTOOL_USAGE;
		else if (!ms)
			return client_misuse(client, "--timeout must be at least a millisecond");
	}
	status = client_check_namespace(client, space);
	if (status)
		return status;
	status = client_arguments(client, argc, argv);
	if (status)
		return status;
	return stop(client, space, ms);
}

static const struct command_option options[] = {
	{ "namespace", 'n', "NS", "the namespace (production)" },
	{ "timeout", 't', "SECONDS", "time from SIGTERM to SIGKILL for each service (5)" },
	{ 0 },
};

COMMAND(down) = {
	.name = "down",
	.group = COMMAND_CHANGES,
	.synopsis = "down [--namespace NS] [--timeout SECONDS]",
	.summary = "stop the services of a namespace",
	.options = options,
	.run = run,
};
