/* SPDX-License-Identifier: MIT */
/*
 * regtool guard: starts, stops and asks the kernel's part.
 */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include <stdio.h>

#include "tools/regtool.h"

#ifdef HAVE_GUARD

#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "bpf/guard.h"
#include "tools/client.h"
#include "tools/output.h"

static const struct output_column columns[] = {
	{ "seats", true },    { "seats_used", true },       { "seats_free", true },
	{ "attaches", true }, { "refused", true },          { "execs", true },
	{ "deaths", true },   { "missed", true },           { "late", true },
	{ "stale", true },    { "recursion_misses", true }, /* last: left out where it is not known */
};

struct request {
	struct guard_options options;
	bool force;
};

static int fail(struct client *client, int err, const char *what)
{
	client_fail(client, err, "%s the guard", what);
	return err == -ENOENT ? REGTOOL_NOT_FOUND : REGTOOL_ERROR;
}

static int start(struct client *client, const struct request *request)
{
	int err = guard_start(&request->options);

	return err < 0 ? fail(client, err, "start") : REGTOOL_DONE;
}

static int stop(struct client *client, const struct request *request)
{
	int err = guard_stop(&request->options, request->force);

	return err < 0 ? fail(client, err, "stop") : REGTOOL_DONE;
}

static int print(const struct guard_status *status, bool json)
{
	const struct output_cell cells[] = {
		output_number(status->seats),
		output_number(status->seats_used),
		output_number(status->seats - status->seats_used),
		output_number(status->attaches),
		output_number(status->refused),
		output_number(status->execs),
		output_number(status->deaths),
		output_number(status->missed),
		output_number(status->late),
		output_number(status->stale),
		output_number(status->recursion_misses),
	};
	size_t count = sizeof(columns) / sizeof(columns[0]) - !status->recursion_known;
	struct output *output = output_new("guard", columns, count);
	int err = -ENOMEM;

	if (output)
		err = output_add(output, cells);
	if (!err)
		err = output_records(output, json);
	output_free(output);
	return err;
}

static int status(struct client *client, const struct request *request)
{
	struct guard_status found = { 0 };
	int err = guard_status(&request->options, &found);

	if (err >= 0)
		err = print(&found, client->json);
	return err < 0 ? fail(client, err, "describe") : REGTOOL_DONE;
}

/* Return: 0, or REGTOOL_USAGE after a sentence. */
static int parse_options(struct client *client, struct request *request, int argc, char **argv)
{
	static const struct option options[] = {
		{ "seats", required_argument, NULL, 's' },
		{ "path", required_argument, NULL, 'p' },
		{ "force", no_argument, NULL, 'f' },
		{ 0 },
	};
	uint64_t seats;
	int option;

	while ((option = client_option(client, argc, argv, options)) != -1) {
		if (option == 'p') {
			request->options.path = optarg;
		} else if (option == 'f') {
			request->force = true;
		} else if (client_number(optarg, UINT32_MAX, &seats) == 0 && seats > 0) {
			request->options.seats = (uint32_t)seats;
		} else {
			return client_misuse(client, "\"%s\" is no number of seats", optarg);
		}
	}
	return 0;
}

static int run(struct client *client, int argc, char **argv)
{
	struct request request = {
		.options = {
			.path = getenv("KREG_GUARD"),
			.log = client->options.log,
			.log_data = client->options.log_data,
		},
	};
	const char *action;

	if (request.options.path && !*request.options.path)
		request.options.path = NULL;
	if (parse_options(client, &request, argc, argv) != 0)
		return REGTOOL_USAGE;
	if (argc - optind != 1)
		return client_usage(client);
	action = argv[optind];
	if (request.options.path && strcmp(request.options.path, "none") == 0) {
		fputs("regtool: $KREG_GUARD is \"none\", so no guard is to be used; unset it, or "
		      "give "
		      "--path\n",
		      stderr);
		return REGTOOL_ERROR;
	}
	if (strcmp(action, "start") == 0 && !request.force)
		return start(client, &request);
	if (strcmp(action, "stop") == 0 && !request.options.seats)
		return stop(client, &request);
	if (strcmp(action, "status") == 0 && !request.force && !request.options.seats)
		return status(client, &request);
	return client_usage(client);
}

#else

static int run(struct client *client, int argc, char **argv)
{
	(void)client;
	(void)argc;
	(void)argv;
	fputs("regtool: built without the guard; build it without --disable-bpf\n", stderr);
	return REGTOOL_ERROR;
}

#endif

const struct command cmd_guard = {
	.name = "guard",
	.synopsis = "guard start [--seats N] | stop [--force] | status [--json]  [--path P]",
	.summary = "start, stop or describe the kernel's part",
	.options = "  --seats N  processes that can take part at once\n"
		   "  --force    end the lives of those who take part; the processes go on\n"
		   "  --path P   where it is pinned ($KREG_GUARD; else /sys/fs/bpf/kreg)\n",
	.run = run,
};
