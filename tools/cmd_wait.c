/* SPDX-License-Identifier: MIT */
/*
 * regtool wait: until a name is there, or until it is gone.
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
	fprintf(stderr,
		gone ? "regtool: \"%s\" is still held in registry \"%s\"\n"
		     : "regtool: nobody holds \"%s\" in registry \"%s\"\n",
		key, client->name);
	return REGTOOL_NOT_FOUND;
}

static int run(struct client *client, int argc, char **argv)
{
	static const struct option options[] = {
		{ "gone", no_argument, NULL, 'g' },
		{ "timeout", required_argument, NULL, 't' },
		{ 0 },
	};
	int64_t timeout_ms = -1;
	bool gone = false;
	struct kreg *k;
	int option, status;

	while ((option = client_option(client, argc, argv, options)) != -1) {
		if (option == 'g')
			gone = true;
		else if (client_seconds(optarg, TIMEOUT_MAX, &timeout_ms))
			return client_misuse(client, "\"%s\" is no number of seconds", optarg);
	}
	if (argc - optind != 1)
		return client_usage(client);
	status = client_check_key(client, argv[optind]);
	if (status)
		return status;
	status = client_open(client, 0, &k);
	if (status)
		return status;
	status = wait_for(client, k, argv[optind], gone, timeout_ms);
	kreg_close(k);
	return status;
}

const struct command cmd_wait = {
	.name = "wait",
	.synopsis = "wait [--gone] [--timeout SECONDS] KEY",
	.summary = "until a name is there, or gone",
	.options = "  --gone             until nobody holds KEY\n"
		   "  --timeout SECONDS  at most so long; exit status 1 then\n",
	.run = run,
};
