/* SPDX-License-Identifier: MIT */
/*
 * regtool ps: lists services and their state.
 */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>

#include "tools/client.h"
#include "tools/out/progress.h"
#include "tools/regtool.h"
#include "tools/selection.h"
#include "tools/who.h"

enum {
	SERVICE_KEY,
	SERVICE_SPACE,
	SERVICE_ROLE,
	SERVICE_WHO,
	SERVICE_SAYS = SERVICE_WHO + WHO_CELLS,
	SERVICE_BEAT,
	SERVICE_VALUE,
	SERVICE_STATUS,
	SERVICE_CELLS,
};

/* Of the cells of an owner. */
#define STATE 4

static const struct output_column columns[SERVICE_CELLS] = {
	{ "key", OUTPUT_TEXT, "NAMESPACE/ROLE", true },
	{ "namespace", OUTPUT_TEXT, "its namespace", false },
	{ "role", OUTPUT_TEXT, "its role there", false },
	WHO_COLUMNS,
	{ "says", OUTPUT_TEXT, "what it has sent to its supervisor, as ready", false },
	{ "beat", OUTPUT_SECONDS, "since its last kreg_service_beat()", false },
	{ "value", OUTPUT_TEXT, "what it is registered with", false },
	{ "status", OUTPUT_TEXT, "its STATUS= text", false },
};

struct services {
	struct kreg *k;
	bool dots; /* also namespaces that begin with a dot */
	struct output *output;
	struct who_cache *who;
};

static const char *word_of(uint32_t says)
{
	static const char *const words[] = {
		[KREG_PROGRAM_SILENT] = NULL,         [KREG_PROGRAM_STARTING] = "starting",
		[KREG_PROGRAM_READY] = "ready",       [KREG_PROGRAM_RELOADING] = "reloading",
		[KREG_PROGRAM_STOPPING] = "stopping", [KREG_PROGRAM_MISSED] = "unresponsive",
	};

	return says < sizeof(words) / sizeof(words[0]) ? words[says] : NULL;
}

static int add_service(const struct kreg_service *service, void *data)
{
	struct kreg_service_health health = { .size = sizeof(health) };
	struct output_cell cells[SERVICE_CELLS];
	struct services *services = data;
	char key[KREG_KEY_MAX + 1];
	const struct who *who;
	int err;

	if (*service->space == '.' && !services->dots)
		return 0;
	err = kreg_service_health(services->k, service->space, service->role, &health);
	/* The service has ended or restarted since it was listed: left out. */
	if (err == -ENOENT || (!err && health.owner.token != service->owner.token))
		return 0;
	/* -EUCLEAN: forged, as its state says. */
	if (err && err != -EUCLEAN)
		return err;
	who = who_is(services->who, &service->owner);
	if (!who)
		return -ENOMEM;
	snprintf(key, sizeof(key), "%s/%s", service->space, service->role);
	cells[SERVICE_KEY] = output_string(key);
	cells[SERVICE_SPACE] = output_string(service->space);
	cells[SERVICE_ROLE] = output_string(service->role);
	who_cells(who, cells + SERVICE_WHO);
	/* The name is reserved: the program has not reported that it is ready. */
	if (!err && !health.ready && who->state == WHO_RUNNING)
		cells[SERVICE_WHO + STATE] = output_constant("starting");
	cells[SERVICE_SAYS] = output_constant(err ? NULL : word_of(health.says));
	cells[SERVICE_BEAT] =
		err || health.beat_ms < 0 ? output_none() : output_number((uint64_t)health.beat_ms);
	cells[SERVICE_VALUE] = output_bytes(service->value, service->value_size);
	cells[SERVICE_STATUS] = output_string(err || !*health.status ? NULL : health.status);
	return output_add(services->output, cells);
}

static int list(struct client *client, struct kreg *k, const char *space, bool all)
{
	struct services services = { .k = k, .dots = all || space };
	int status = client_list(client, &services.output), err = -ENOMEM;

	if (status)
		return status;
	output_order(services.output, SERVICE_KEY);
	services.who = who_new(k, who_needs(services.output, SERVICE_WHO));
	progress_begin("reading", 0);
	if (services.who)
		err = kreg_service_each_reserved(k, space, add_service, &services);
	err = output_end(services.output, err);
	progress_end();
	who_free(services.who);
	if (err)
		return client_fail(client, err, "list the services in registry \"%s\"",
				   client->name);
	return REGTOOL_DONE;
}

static int run(struct client *client, int argc, char **argv)
{
	const char *space = NULL;
	struct kreg *k;
	bool all = false;
	int option, status;

	while ((option = client_option(client, argc, argv)) != -1) {
		if (option == 'a') {
			all = true;
			continue;
		}
		status = client_check_namespace(client, optarg);
		if (status)
			return status;
		space = optarg;
	}
	status = client_arguments(client, argc, argv);
	if (!status)
		status = client_open(client, KREG_OPEN_READONLY, &k);
	if (status)
		return status;
	status = list(client, k, space, all);
	kreg_close(k);
	return status;
}

static const struct command_option options[] = {
	{ "namespace", 'n', "NS", "only this namespace", false },
	SELECTION_ALL_OPTION,
	{ 0 },
};

static const struct command_example examples[] = {
	{ "regtool ps --namespace production", "the services of a namespace, and their states" },
	{ "regtool ps -o role,pid,unit,cmdline", "where each was started, and how" },
	{ 0 },
};

COMMAND(ps) = {
	.name = "ps",
	.group = COMMAND_READS,
	.synopsis = "ps [--namespace NS] [--all] " LIST_SYNOPSIS,
	.summary = "list services and their state",
	.options = options,
	.examples = examples,
	.columns = columns,
	.column_count = SERVICE_CELLS,
	.list = "services",
	.run = run,
};
