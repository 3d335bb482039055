/* SPDX-License-Identifier: MIT */
/*
 * regtool owners: lists the processes that are attached to the registry.
 */
#include <errno.h>
#include <time.h>

#include "tools/client.h"
#include "tools/regtool.h"
#include "tools/who.h"

#define BILLION 1000000000

enum {
	OWNER_WHO,
	OWNER_ENTRIES = OWNER_WHO + WHO_CELLS,
	OWNER_BYTES,
	OWNER_START,
	OWNER_CELLS,
};

static const struct output_column columns[OWNER_CELLS] = {
	WHO_COLUMNS,
	{ "entries", OUTPUT_NUMBER, "its entries, and its places in lines", false },
	{ "bytes", OUTPUT_SIZE, "its memory in the registry", false },
	{ "start", OUTPUT_TEXT, "when the process was started", true },
};

struct listing {
	struct output *output;
	struct who_cache *who;
};

static int64_t now(clockid_t clock)
{
	struct timespec t = { 0 };

	clock_gettime(clock, &t);
	return (int64_t)t.tv_sec * BILLION + t.tv_nsec;
}

/* As 2025-02-23T12:00:00+0100; NULL if it is unknown. */
static const char *format_start(uint64_t since_boot, char *to, size_t size)
{
	time_t start;
	struct tm tm;

	if (!since_boot)
		return NULL;
	start = (time_t)((now(CLOCK_REALTIME) - now(CLOCK_BOOTTIME) + (int64_t)since_boot) /
			 BILLION);
	if (!localtime_r(&start, &tm) || !strftime(to, size, "%Y-%m-%dT%H:%M:%S%z", &tm))
		return NULL;
	return to;
}

/* What /proc does not show here the registry knows, as of a process in another container. */
static void add_facts(const struct kreg_owner_facts *facts, struct output_cell *cells)
{
	int64_t age = (now(CLOCK_BOOTTIME) - (int64_t)facts->start) / 1000000;

	if (!cells[1].is_there && *facts->comm)
		cells[1] = output_bytes(facts->comm, strnlen(facts->comm, sizeof(facts->comm)));
	if (!cells[2].is_there && facts->uid != KREG_ID_UNKNOWN)
		cells[2] = output_number(facts->uid);
	if (!cells[3].is_there && facts->start && age >= 0)
		cells[3] = output_number((uint64_t)age);
}

static int add_owner(const struct kreg_owner_facts *facts, void *data)
{
	struct output_cell cells[OWNER_CELLS];
	struct listing *listing = data;
	const struct who *who = who_is(listing->who, &facts->owner);
	char start[40];

	if (!who)
		return -ENOMEM;
	who_cells(who, cells + OWNER_WHO);
	add_facts(facts, cells + OWNER_WHO);
	cells[OWNER_ENTRIES] = output_number(facts->entries);
	cells[OWNER_BYTES] = output_number(facts->bytes);
	cells[OWNER_START] = output_string(format_start(facts->start, start, sizeof(start)));
	return output_add(listing->output, cells);
}

static int list(struct client *client, struct kreg *k, char **arguments)
{
	struct listing listing = { 0 };
	int status = client_list(client, &listing.output), err = -ENOMEM;

	(void)arguments;
	if (status)
		return status;
	output_order(listing.output, OWNER_WHO);
	listing.who = who_new(k, who_needs(listing.output, OWNER_WHO));
	if (listing.who)
		err = kreg_each_owner(k, add_owner, &listing);
	err = output_end(listing.output, err);
	who_free(listing.who);
	if (err)
		return client_fail(client, err, "list the owners in registry \"%s\"", client->name);
	return REGTOOL_DONE;
}

static const struct command_example examples[] = {
	{ "regtool owners --sort -bytes", "who has most of the memory" },
	{ "regtool owners -o pid,unit,start", "which units take part, and since when" },
	{ 0 },
};

COMMAND(owners) = {
	.name = "owners",
	.group = COMMAND_READS,
	.synopsis = "owners " LIST_SYNOPSIS,
	.summary = "list the processes that are attached to the registry",
	.examples = examples,
	.columns = columns,
	.column_count = OWNER_CELLS,
	.list = "owners",
	.use = list,
	.open = KREG_OPEN_READONLY,
};
