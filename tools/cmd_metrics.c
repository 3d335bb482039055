/* SPDX-License-Identifier: MIT */
/*
 * regtool metrics: the guard and the registries as text for Prometheus.
 */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/client.h"
#include "tools/metrics/metrics.h"
#include "tools/regtool.h"

struct request {
	const char *file;
	bool older;
	bool has_form;
};

static int parse_form(struct client *client, struct request *request, const char *form)
{
	request->older = !strcmp(form, "prometheus");
	request->has_form = true;
	if (request->older || !strcmp(form, "openmetrics"))
		return REGTOOL_DONE;
	return client_misuse(client, "--format: \"%s\" is none of openmetrics and prometheus",
			     form);
}

static int parse(struct client *client, struct request *request, int argc, char **argv)
{
	int option, status = REGTOOL_DONE;

	while (!status && (option = client_option(client, argc, argv)) != -1) {
		if (option == 'f')
			status = parse_form(client, request, optarg);
		else if (*optarg && optarg[strlen(optarg) - 1] != '/')
			request->file = optarg;
		else
			status = client_misuse(client, "--textfile: \"%s\" is not a file", optarg);
	}
	if (!status)
		status = client_arguments(client, argc, argv);
	if (!status && client->registry)
		status = client_name(client, client->registry);
	return status;
}

static int print(struct client *client, const struct request *request,
		 const struct metrics_text *text)
{
	int err;

	if (client->registry && !text->registries)
		return client_no_registry(client);
	if (!request->file) {
		fwrite(text->bytes, 1, text->size, stdout);
		return REGTOOL_DONE;
	}
	err = metrics_to_file(text, request->file);
	if (!err)
		return REGTOOL_DONE;
	fprintf(stderr, "regtool: cannot write %s: %s; its folder must exist and be writable\n",
		request->file, strerror(-err));
	return REGTOOL_ERROR;
}

static int run(struct client *client, int argc, char **argv)
{
	struct request request = { 0 };
	struct metrics_text text;
	int status = parse(client, &request, argc, argv), err;
	bool openmetrics;

	if (status)
		return status;
	/* node_exporter reads the older form only. */
	openmetrics = request.has_form ? !request.older : !request.file;
	err = metrics_print(&text, &client->options, client->registry ? client->name : NULL,
			    openmetrics);
	if (err)
		return client_fail(client, err, "list the registries");
	client->sentence[0] = '\0';
	status = print(client, &request, &text);
	free(text.bytes);
	return status;
}

static const struct command_option options[] = {
	{ "format", 'f', "FORM", "openmetrics, or prometheus: the older form, which a textfile has",
	  false },
	{ "textfile", 't', "FILE", "write FILE, for node_exporter, instead of standard output",
	  false },
	{ 0 },
};

static const struct command_example examples[] = {
	{ "regtool metrics", "all registries that the user may see, and the guard" },
	{ "regtool metrics --textfile /var/lib/prometheus/node-exporter/kreg.prom",
	  "for node_exporter; from a timer" },
	{ "regtool metrics --format prometheus | promtool check metrics",
	  "whether they are sound" },
	{ 0 },
};

COMMAND(metrics) = {
	.name = "metrics",
	.group = COMMAND_READS,
	.synopsis = "metrics [--format openmetrics|prometheus] [--textfile FILE]",
	.summary = "print the guard and the registries for Prometheus",
	.options = options,
	.examples = examples,
	.run = run,
};
