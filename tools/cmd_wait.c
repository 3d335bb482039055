/* SPDX-License-Identifier: MIT */
/*
 * regtool wait: blocks until a name is registered, or until it is gone.
 */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>

#include "tools/client.h"
#include "tools/regtool.h"

#define TIMEOUT_MAX 1000000000

static int wait_for(struct client *client, struct kreg *k, const char *key, bool gone,
		    int64_t timeout_ms)
{
	int err = gone ? kreg_await_gone(k, key, KREG_STRING, NULL, timeout_ms)
		       : kreg_await(k, key, KREG_STRING, timeout_ms, NULL);

	if (!err)
		return REGTOOL_DONE;
	if (err != -ETIMEDOUT)
		return client_fail(client, err, "wait for \"%s\"", key);
	if (!gone)
		return client_not_registered(client, "timed out: ", key);
	fprintf(stderr, "regtool: timed out: \"%s\" is still registered in registry \"%s\"\n", key,
		client->name);
	return REGTOOL_NOT_FOUND;
}

static int run(struct client *client, int argc, char **argv)
{
	int64_t timeout_ms = -1;
	bool gone = false;
	struct kreg *k;
	int option, status;

	while ((option = client_option(client, argc, argv)) != -1) {
		if (option == 'g')
			gone = true;
		else if (client_seconds(client, "--timeout", optarg, TIMEOUT_MAX, &timeout_ms))
			return REGTOOL_USAGE;
	}
	status = client_arguments(client, argc, argv);
	if (!status)
		status = client_check_key(client, argv[optind]);
	if (!status)
		status = client_open(client, 0, &k);
	if (status)
		return status;
	status = wait_for(client, k, argv[optind], gone, timeout_ms);
	kreg_close(k);
	return status;
}

static const struct command_option options[] = {
	{ "gone", 'g', NULL, "wait until KEY is not registered" },
	{ "timeout", 't', "SECONDS", "wait at most this long, then exit with status 1" },
	{ 0 },
};

COMMAND(wait) = {
	.name = "wait",
	.group = COMMAND_WAITS,
	.synopsis = "wait [--gone] [--timeout SECONDS] KEY",
	.summary = "wait until a name is registered or gone",
	.options = options,
	.arguments = "KEY",
	.least = 1,
	.most = 1,
	.run = run,
};
