/* SPDX-License-Identifier: MIT */
/*
 * regtool guard: starts, upgrades, stops and describes the guard, the BPF programs in the kernel.
 */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include <stdio.h>

#include "tools/regtool.h"

#ifdef HAVE_GUARD

#include <errno.h>
#include <getopt.h>
#include <grp.h>
#include <stdlib.h>
#include <string.h>

#include "bpf/guard.h"
#include "tools/client.h"

static const struct output_column columns[] = {
	{ "seats", OUTPUT_NUMBER },         { "seats_used", OUTPUT_NUMBER },
	{ "seats_free", OUTPUT_NUMBER },    { "share", OUTPUT_NUMBER },
	{ "reserve", OUTPUT_NUMBER },       { "users", OUTPUT_TEXT },
	{ "upgrades", OUTPUT_NUMBER },      { "attaches", OUTPUT_NUMBER },
	{ "refused", OUTPUT_NUMBER },       { "over_share", OUTPUT_NUMBER },
	{ "execs", OUTPUT_NUMBER },         { "deaths", OUTPUT_NUMBER },
	{ "missed", OUTPUT_NUMBER },        { "late", OUTPUT_NUMBER },
	{ "stale", OUTPUT_NUMBER },         { "recursion_misses", OUTPUT_NUMBER },
	{ "second_programs", OUTPUT_TEXT },
};

struct request {
	struct guard_options options;
	bool force;
	bool is_start; /* an option was given that only start and upgrade have */
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

static int upgrade(struct client *client, const struct request *request)
{
	int err = guard_upgrade(&request->options);

	return err < 0 ? fail(client, err, "upgrade") : REGTOOL_DONE;
}

static int stop(struct client *client, const struct request *request)
{
	int err = guard_stop(&request->options, request->force);

	return err < 0 ? fail(client, err, "stop") : REGTOOL_DONE;
}

/* "UID:SEATS ..." */
static char *users_text(const struct guard_user *users, size_t count)
{
	size_t size = 1, i;
	char *text = NULL;
	FILE *to = open_memstream(&text, &size);

	if (!to)
		return NULL;
	for (i = 0; i < count; i++)
		fprintf(to, "%s%u:%u", i ? " " : "", users[i].uid, users[i].seats);
	return fclose(to) ? NULL : text;
}

/* Where those are attached that end lives if the first ones were skipped. */
static const char *second_programs(const struct guard_status *status)
{
	return status->is_sure ? "functions" : "tracepoints";
}

static int print(const struct output_form *form, const struct guard_status *status,
		 const char *users)
{
	const struct output_cell cells[] = {
		output_number(status->seats),
		output_number(status->seats_used),
		output_number(status->seats - status->seats_used),
		output_number(status->share),
		output_number(status->reserve),
		output_string(users),
		output_number(status->upgrades),
		output_number(status->attaches),
		output_number(status->refused),
		output_number(status->over_share),
		output_number(status->execs),
		output_number(status->deaths),
		output_number(status->missed),
		output_number(status->late),
		output_number(status->stale),
		status->recursion_known ? output_number(status->recursion_misses) : output_none(),
		output_string(status->recursion_known ? second_programs(status) : NULL),
	};

	return output_record(form, columns, sizeof(columns) / sizeof(columns[0]), cells);
}

static int status(struct client *client, const struct request *request)
{
	struct guard_status found = { 0 };
	struct guard_user *users = NULL;
	char *text = NULL;
	size_t count = 0;
	int err = guard_status(&request->options, &found);

	if (err >= 0)
		err = guard_users(&request->options, &users, &count);
	if (err >= 0) {
		text = users_text(users, count);
		err = text ? print(&client->form, &found, text) : -ENOMEM;
	}
	free(text);
	free(users);
	return err < 0 ? fail(client, err, "describe") : REGTOOL_DONE;
}

static int parse_group(struct client *client, struct request *request)
{
	const struct group *group = getgrnam(optarg);
	uint64_t number;

	if (!group && client_number(optarg, UINT32_MAX - 1, &number))
		return client_misuse(client, "--group: there is no group \"%s\"", optarg);
	request->options.group = group ? group->gr_gid : (gid_t)number;
	request->options.set_group = true;
	return 0;
}

static int parse_seats(struct client *client, const char *what, uint64_t least, uint32_t *out)
{
	uint64_t seats;

	if (client_range(client, what, optarg, least, UINT32_MAX - 1, &seats))
		return REGTOOL_USAGE;
	*out = (uint32_t)seats;
	return REGTOOL_DONE;
}

static int parse_option(struct client *client, struct request *request, int option)
{
	struct guard_options *o = &request->options;

	if (option == 'p') {
		o->path = optarg;
		return 0;
	}
	if (option == 'f') {
		request->force = true;
		return 0;
	}
	request->is_start = true;
	switch (option) {
	case 'g':
		return parse_group(client, request);
	case 's':
		return parse_seats(client, "--seats", 1, &o->seats);
	case 'u':
		return parse_seats(client, "--share", 1, &o->share);
	default:
		o->set_reserve = true;
		return parse_seats(client, "--reserve", 0, &o->reserve);
	}
}

/* Return: 0; REGTOOL_USAGE with an error printed. */
static int parse_options(struct client *client, struct request *request, int argc, char **argv)
{
	int option, err = 0;

	while (!err && (option = client_option(client, argc, argv)) != -1)
		err = parse_option(client, request, option);
	return err;
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
	if (client_count_arguments(client, argc, argv, "start, upgrade, stop or status", 1, 1))
		return REGTOOL_USAGE;
	action = argv[optind];
	if (request.options.path && strcmp(request.options.path, "none") == 0) {
		fputs("regtool: KREG_GUARD is \"none\", which disables the guard; unset it or give "
		      "--path\n",
		      stderr);
		return REGTOOL_ERROR;
	}
	if (strcmp(action, "start") == 0 && !request.force)
		return start(client, &request);
	if (strcmp(action, "upgrade") == 0 && !request.force)
		return upgrade(client, &request);
	if (strcmp(action, "stop") == 0 && !request.is_start)
		return stop(client, &request);
	if (strcmp(action, "status") == 0 && !request.force && !request.is_start)
		return status(client, &request);
	return client_usage(client);
}

#else

static int run(struct client *client, int argc, char **argv)
{
	(void)client;
	(void)argc;
	(void)argv;
	fputs("regtool: the guard is not in this build; configure it without --disable-bpf\n",
	      stderr);
	return REGTOOL_ERROR;
}

#endif

static const struct command_option options[] = {
	{ "seats", 's', "N", "how many processes can attach at once" },
	{ "share", 'u', "N", "how many of them each user but root may have (half)" },
	{ "reserve", 'e', "N", "how many of them are for root only (a sixteenth)" },
	{ "group", 'g', "GROUP", "only root and this group can attach" },
	{ "path", 'p', "FOLDER", "where the guard is pinned ($KREG_GUARD, else /sys/fs/bpf/kreg)" },
	{ "force", 'f', NULL, "end the lives of attached processes; the processes keep running" },
	{ 0 },
};

COMMAND(guard) = {
	.name = "guard",
	.group = COMMAND_GUARD,
	.synopsis =
		"guard start|upgrade [--seats N] [--share N] [--reserve N] [--group GROUP] | stop "
		"[--force] | "
		"status [--json] [--path FOLDER]",
	.summary = "start, upgrade, stop or describe the guard",
	.options = options,
	.run = run,
};
