/* SPDX-License-Identifier: MIT */
/*
 * regtool owners: lists the processes that are attached to the registry.
 */
#include <errno.h>
#include <time.h>

#include "tools/client.h"
#include "tools/output.h"
#include "tools/regtool.h"

#define BILLION 1000000000

static const struct output_column columns[] = {
	{ "pid", true },     { "uid", true },   { "comm", false },
	{ "entries", true }, { "bytes", true }, { "start", false },
};

static int64_t now(clockid_t clock)
{
	struct timespec t = { 0 };

	clock_gettime(clock, &t);
	return (int64_t)t.tv_sec * BILLION + t.tv_nsec;
}

/* As 2025-02-23T12:00:00+0100; empty if it is unknown. */
static void format_start(uint64_t since_boot, char *to, size_t size)
{
	time_t start;
	struct tm tm;

	*to = '\0';
	if (!since_boot)
		return;
	start = (time_t)((now(CLOCK_REALTIME) - now(CLOCK_BOOTTIME) + (int64_t)since_boot) /
			 BILLION);
	if (localtime_r(&start, &tm))
		strftime(to, size, "%Y-%m-%dT%H:%M:%S%z", &tm);
}

static int add_owner(const struct kreg_owner_facts *facts, void *data)
{
	char start[40];
	struct output_cell cells[] = {
		output_number((uint64_t)facts->owner.pid),
		output_number(facts->uid),
		output_bytes(facts->comm, strnlen(facts->comm, sizeof(facts->comm))),
		output_number(facts->entries),
		output_number(facts->bytes),
		output_string(""),
	};

	if (facts->uid == KREG_ID_UNKNOWN)
		cells[1] = output_string("");
	format_start(facts->start, start, sizeof(start));
	cells[5] = output_string(start);
	return output_add(data, cells);
}

static int list(struct client *client, struct kreg *k, char **arguments)
{
	struct output *output = output_new("owners", columns, sizeof(columns) / sizeof(columns[0]));
	int err = output ? kreg_each_owner(k, add_owner, output) : -ENOMEM;

	(void)arguments;
	err = output_finish(output, err, 1, client->json);
	if (err)
		return client_fail(client, err, "list the owners in registry \"%s\"", client->name);
	return REGTOOL_DONE;
}

COMMAND(owners) = {
	.name = "owners",
	.group = COMMAND_READS,
	.synopsis = "owners [--json]",
	.summary = "list the processes that are attached to the registry",
	.use = list,
	.open = KREG_OPEN_READONLY,
};
