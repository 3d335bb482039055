/* SPDX-License-Identifier: MIT */
/*
 * regtool ps: lists services and their state.
 */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>

#include "tools/client.h"
#include "tools/output.h"
#include "tools/regtool.h"

static const struct output_column columns[] = {
	{ "namespace", false }, { "role", false },    { "pid", true },    { "process", false },
	{ "says", false },      { "beat_ms", false }, { "value", false }, { "status", false },
};
#define COLUMNS (sizeof(columns) / sizeof(columns[0]))

struct listing {
	struct kreg *k;
	struct output *output;
};

static const char *name_of(const struct kreg_service_health *health)
{
	/* The name is reserved: the program has not reported that it is ready. */
	if (!health->ready && health->process == KREG_PROCESS_RUNNING)
		return "starting";
	switch (health->process) {
	case KREG_PROCESS_RUNNING:
		return "running";
	case KREG_PROCESS_STOPPED:
		return "stopped";
	case KREG_PROCESS_ZOMBIE:
		return "zombie";
	case KREG_PROCESS_DUMPING:
		return "dumping core";
	default:
		return "unknown";
	}
}

static const char *word_of(uint32_t says)
{
	static const char *const words[] = {
		[KREG_PROGRAM_SILENT] = "",           [KREG_PROGRAM_STARTING] = "starting",
		[KREG_PROGRAM_READY] = "ready",       [KREG_PROGRAM_RELOADING] = "reloading",
		[KREG_PROGRAM_STOPPING] = "stopping", [KREG_PROGRAM_MISSED] = "unresponsive",
	};

	return says < sizeof(words) / sizeof(words[0]) ? words[says] : "";
}

static int add_service(const struct kreg_service *service, void *data)
{
	struct kreg_service_health health = { .size = sizeof(health) };
	struct listing *listing = data;
	char beat[32] = "";
	int err = kreg_service_health(listing->k, service->space, service->role, &health);
	struct output_cell cells[] = {
		output_string(service->space),
		output_string(service->role),
		output_number((uint64_t)service->owner.pid),
		output_string(""),
		output_string(""),
		output_string(""),
		output_bytes(service->value, service->value_size),
		output_string(""),
	};

	/* The service has ended or restarted since it was listed: left out. */
	if (err == -ENOENT || (!err && health.owner.token != service->owner.token))
		return 0;
	if (err && err != -EUCLEAN)
		return err;
	/* -EUCLEAN: forged, the entry names a process that has never opened the registry. */
	if (err) {
		cells[2] = output_string("");
		cells[3] = output_string("forged");
		return output_add(listing->output, cells);
	}
	if (health.beat_ms >= 0)
		snprintf(beat, sizeof(beat), "%" PRId64, health.beat_ms);
	cells[3] = output_string(name_of(&health));
	cells[4] = output_string(word_of(health.says));
	cells[5] = output_string(beat);
	cells[7] = output_string(health.status);
	return output_add(listing->output, cells);
}

static int list(struct client *client, struct kreg *k, const char *space)
{
	struct listing listing = { .k = k, .output = output_new("services", columns, COLUMNS) };
	int err = listing.output ? kreg_service_each_reserved(k, space, add_service, &listing)
				 : -ENOMEM;

	err = output_finish(listing.output, err, 2, client->json);
	if (err)
		return client_fail(client, err, "list the services in registry \"%s\"",
				   client->name);
	return REGTOOL_DONE;
}

static int run(struct client *client, int argc, char **argv)
{
	const char *space = NULL;
	struct kreg *k;
	int status;

	while (client_option(client, argc, argv) != -1) {
		status = client_check_namespace(client, optarg);
		if (status)
			return status;
		space = optarg;
	}
	if (optind != argc)
		return client_usage(client);
	status = client_open(client, KREG_OPEN_READONLY, &k);
	if (status)
		return status;
	status = list(client, k, space);
	kreg_close(k);
	return status;
}

static const struct command_option options[] = {
	{ "namespace", 'n', "NS", "only this namespace" },
	{ 0 },
};

COMMAND(ps) = {
	.name = "ps",
	.group = COMMAND_READS,
	.synopsis = "ps [--json] [--namespace NS]",
	.summary = "list services and their state",
	.options = options,
	.run = run,
};
