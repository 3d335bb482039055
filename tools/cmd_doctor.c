/* SPDX-License-Identifier: MIT */
/*
 * regtool doctor: looks at the host, the guard, the registries and their owners, and says what
 * asks for attention and what to do.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools/client.h"
#include "tools/doctor/doctor.h"
#include "tools/out/progress.h"
#include "tools/regtool.h"

/* Seconds: what changes is seen by comparing two looks. */
#define INTERVAL_MS 1000
#define INTERVAL_MAX 86400

static const struct output_column columns[] = {
	{ "verdict", OUTPUT_TEXT }, { "check", OUTPUT_TEXT }, { "object", OUTPUT_TEXT },
	{ "pid", OUTPUT_NUMBER },   { "says", OUTPUT_TEXT },
};
#define COLUMNS (sizeof(columns) / sizeof(columns[0]))

static int parse_options(struct client *client, struct doctor *doctor, int argc, char **argv)
{
	int option, status = REGTOOL_DONE;

	while (!status && (option = client_option(client, argc, argv)) != -1) {
		if (option == 'q') {
			doctor->only_bad = true;
			progress_forbid();
		} else if (option == 'p') {
			doctor->guard = doctor->guard_given = optarg;
		} else {
			status = client_seconds(client, "--interval", optarg, INTERVAL_MAX,
						&doctor->interval_ms);
		}
	}
	return status ? status : client_arguments(client, argc, argv);
}

/* UID:NAME of the user itself is listed as NAME. */
static int choose_registry(struct client *client, struct doctor *doctor)
{
	char own[16];
	size_t size;
	int status;

	if (!client->registry)
		return REGTOOL_DONE;
	status = client_name(client, client->registry);
	size = (size_t)snprintf(own, sizeof(own), "%u:", geteuid());
	doctor->only = client->name + (strncmp(client->name, own, size) ? 0 : size);
	return status;
}

static void find_guard(struct doctor *doctor)
{
	const char *path = getenv("KREG_GUARD");

	if (doctor->guard_given)
		return;
	if (!path || !*path)
		path = "/sys/fs/bpf/kreg";
	doctor->guard = strcmp(path, "none") ? path : NULL;
}

static void print_sum(const struct doctor *doctor)
{
	unsigned int failures = doctor->count[DOCTOR_FAILURE];
	unsigned int warnings = doctor->count[DOCTOR_WARNING];

	if (doctor->json || doctor->only_bad)
		return;
	printf("%u failure%s, %u warning%s, %u unknown, %u ok\n", failures,
	       failures == 1 ? "" : "s", warnings, warnings == 1 ? "" : "s",
	       doctor->count[DOCTOR_UNKNOWN], doctor->count[DOCTOR_OK]);
}

static int look(struct client *client, struct doctor *doctor)
{
	const char *wrong;
	int err = 0;

	terminal_look(&doctor->terminal);
	if (client->form.json)
		err = output_new(&doctor->json, &client->form, "findings", columns, COLUMNS,
				 &wrong);
	if (!err)
		err = doctor_registries(doctor);
	if (err == -ENOENT && doctor->only && !doctor->registries) {
		output_end(doctor->json, err);
		return client_no_registry(client);
	}
	if (!err)
		err = doctor->err;
	err = output_end(doctor->json, err);
	if (err)
		return client_fail(client, err, "list the registries");
	print_sum(doctor);
	if (doctor->count[DOCTOR_FAILURE])
		return REGTOOL_UNSOUND;
	return doctor->count[DOCTOR_WARNING] ? REGTOOL_WARNED : REGTOOL_DONE;
}

static int run(struct client *client, int argc, char **argv)
{
	struct doctor doctor = { .client = client, .interval_ms = INTERVAL_MS };
	int status = parse_options(client, &doctor, argc, argv);

	if (!status)
		status = choose_registry(client, &doctor);
	if (status)
		return status;
	find_guard(&doctor);
	return look(client, &doctor);
}

static const struct command_option options[] = {
	{ "quiet", 'q', NULL, "only warnings and failures", true },
	{ "interval", 'i', "SECONDS",
	  "between the two looks that show what grows and restarts (1);\n0: one look", false },
	{ "path", 'p', "FOLDER", "where the guard is pinned ($KREG_GUARD, else /sys/fs/bpf/kreg)",
	  false },
	{ 0 },
};

static const struct command_example examples[] = {
	{ "regtool doctor", "what is wrong here, and what to do" },
	{ "regtool doctor -q || mail -s kreg root", "for cron: only what asks for attention" },
	{ "regtool -r services doctor --interval 60", "one registry, for slow growth" },
	{ 0 },
};

COMMAND(doctor) = {
	.name = "doctor",
	.group = COMMAND_READS,
	.synopsis = "doctor [--quiet] [--interval SECONDS] [--path FOLDER] [--json]",
	.summary = "find out what is wrong, and what to do",
	.options = options,
	.examples = examples,
	.run = run,
};
