/* SPDX-License-Identifier: MIT */
/*
 * regtool metrics: the guard and the registries as text for Prometheus, printed, written, or served.
 */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/client.h"
#include "tools/metrics/metrics.h"
#include "tools/regtool.h"
#include "tools/serve/server.h"

#define MODE 0600

struct request {
	struct client *client;
	const char *file;
	const char *listen;
	bool older, has_form, has_mode;
	struct serve serve;
};

static int parse_form(struct request *request, const char *form)
{
	request->older = !strcmp(form, "prometheus");
	request->has_form = true;
	if (request->older || !strcmp(form, "openmetrics"))
		return REGTOOL_DONE;
	return client_misuse(request->client,
			     "--format: \"%s\" is none of openmetrics and prometheus", form);
}

static int parse_file(struct request *request, const char *file)
{
	if (!*file || file[strlen(file) - 1] == '/')
		return client_misuse(request->client, "--textfile: \"%s\" is not a file", file);
	request->file = file;
	return REGTOOL_DONE;
}

static int parse_address(struct request *request, const char *address)
{
	const char *fault = serve_address_parse(&request->serve.address, address);

	if (fault)
		return client_misuse(request->client, "--listen: \"%s\" %s", address, fault);
	request->listen = address;
	return REGTOOL_DONE;
}

static int parse_mode(struct request *request, const char *mode)
{
	request->has_mode = true;
	if (!*mode || mode[strspn(mode, "01234567")] || strlen(mode) > 4 ||
	    strtoul(mode, NULL, 8) > 0777)
		return client_misuse(request->client,
				     "--mode: \"%s\" is not an octal number from 0 to 777", mode);
	request->serve.mode = (mode_t)strtoul(mode, NULL, 8);
	return REGTOOL_DONE;
}

static int parse_option(struct request *request, int option, const char *argument)
{
	switch (option) {
	case 'f':
		return parse_form(request, argument);
	case 'l':
		return parse_address(request, argument);
	case 'm':
		return parse_mode(request, argument);
	default:
		return parse_file(request, argument);
	}
}

static int check(const struct request *request)
{
	if (request->listen && request->file)
		return client_misuse(request->client, "--listen and --textfile exclude each other");
	if (request->listen && request->has_form)
		return client_misuse(request->client,
				     "--format: with --listen each client gets the form that it "
				     "asks for");
	if (request->has_mode &&
	    (!request->listen || !serve_address_is_path(&request->serve.address)))
		return client_misuse(request->client, "--mode is for the socket of --listen /PATH");
	return REGTOOL_DONE;
}

static int parse(struct request *request, int argc, char **argv)
{
	struct client *client = request->client;
	int option, status = REGTOOL_DONE;

	while (!status && (option = client_option(client, argc, argv)) != -1)
		status = parse_option(request, option, optarg);
	if (!status)
		status = client_arguments(client, argc, argv);
	if (!status)
		status = check(request);
	if (!status && client->registry)
		status = client_name(client, client->registry);
	return status;
}

static int make(struct client *client, bool openmetrics, struct metrics_text *text)
{
	client->sentence[0] = '\0';
	return metrics_print(text, &client->options, client->registry ? client->name : NULL,
			     openmetrics);
}

static int make_served(char **bytes, size_t *size, bool openmetrics, char *why, size_t why_size,
		       void *data)
{
	struct client *client = data;
	struct metrics_text text;
	int err = make(client, openmetrics, &text);

	if (!err) {
		*bytes = text.bytes;
		*size = text.size;
	} else if (client->sentence[0]) {
		snprintf(why, why_size, "%s", client->sentence);
	} else {
		snprintf(why, why_size, "cannot list the registries: %s", kreg_strerror(err));
	}
	return err;
}

static int serve(struct request *request)
{
	char why[1024];
	int err;

	request->serve.print = make_served;
	request->serve.data = request->client;
	err = serve_run(&request->serve, why, sizeof(why));
	if (!err)
		return REGTOOL_DONE;
	fprintf(stderr, "regtool: %s\n", why);
	return err == -EADDRINUSE ? REGTOOL_TAKEN : REGTOOL_ERROR;
}

static int write_text(const struct request *request, const struct metrics_text *text)
{
	int err;

	if (request->client->registry && !text->registries)
		return client_no_registry(request->client);
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

static int print(const struct request *request)
{
	/* node_exporter reads the older form only. */
	bool openmetrics = request->has_form ? !request->older : !request->file;
	struct metrics_text text;
	int status, err = make(request->client, openmetrics, &text);

	if (err)
		return client_fail(request->client, err, "list the registries");
	request->client->sentence[0] = '\0';
	status = write_text(request, &text);
	free(text.bytes);
	return status;
}

static int run(struct client *client, int argc, char **argv)
{
	struct request request = { .client = client, .serve.mode = MODE };
	int status = parse(&request, argc, argv);

	if (status)
		return status;
	return request.listen ? serve(&request) : print(&request);
}

static const struct command_option options[] = {
	{ "format", 'f', "FORM", "openmetrics, or prometheus: the older form, which a textfile has",
	  false },
	{ "textfile", 't', "FILE", "write FILE, for node_exporter, instead of standard output",
	  false },
	{ "listen", 'l', "ADDRESS",
	  "serve them by HTTP at localhost:PORT, or on a Unix socket, /PATH,\n"
	  "until a signal ends it; PORT 0: a free one",
	  false },
	{ "mode", 'm', "MODE", "mode of the socket, octal (0600)", false },
	{ 0 },
};

static const struct command_example examples[] = {
	{ "regtool metrics", "all registries that the user may see, and the guard" },
	{ "regtool metrics --textfile /var/lib/prometheus/node-exporter/kreg.prom",
	  "for node_exporter; from a timer" },
	{ "regtool metrics --listen localhost:15734", "for Prometheus, on the same host" },
	{ "regtool metrics --format prometheus | promtool check metrics",
	  "whether they are sound" },
	{ 0 },
};

COMMAND(metrics) = {
	.name = "metrics",
	.group = COMMAND_READS,
	.synopsis = "metrics [--format openmetrics|prometheus] [--textfile FILE] "
		    "[--listen ADDRESS] [--mode MODE]",
	.summary = "print the guard and the registries for Prometheus, or serve them",
	.options = options,
	.examples = examples,
	.run = run,
};
