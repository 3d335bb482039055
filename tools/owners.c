/* SPDX-License-Identifier: MIT */
/*
 * Owners as rows.
 */
#include "tools/owners.h"

#include <time.h>

#include "tools/boot_time.h"

#define BILLION 1000000000

const struct output_column owner_columns[OWNER_CELLS] = {
	WHO_COLUMNS,
	{ "entries", OUTPUT_NUMBER, "its entries, and its places in lines", false },
	{ "entries_rate", OUTPUT_CHANGE, "change of these in a second; with --interval", true },
	{ "updates_rate", OUTPUT_NUMBER, "its updates of values in a second; with --interval",
	  true },
	{ "bytes", OUTPUT_SIZE, "its memory in the registry, in slabs of 1 KiB", false },
	{ "bytes_rate", OUTPUT_CHANGE, "change of these in a second; with --interval", true },
	{ "readers", OUTPUT_NUMBER, "its threads that are in read sections", false },
	{ "held_up", OUTPUT_SECONDS, "since when one of these has kept memory from being reused",
	  false },
	{ "expelled", OUTPUT_NUMBER, "how often it was expelled from a read section", false },
	{ "expelled_ago", OUTPUT_SECONDS, "since the last time", true },
	{ "slots", OUTPUT_NUMBER, "its threads that write, wait or read in sections", true },
	{ "log", OUTPUT_SIZE, "its records for listeners", true },
	{ "start", OUTPUT_TEXT, "when the process was started", true },
};

/* As 2025-02-23T12:00:00+0100; NULL if it is unknown. */
static const char *format_start(uint64_t since_boot, char *to, size_t size)
{
	struct timespec now = { 0 };
	time_t start;
	struct tm tm;

	if (!since_boot)
		return NULL;
	clock_gettime(CLOCK_REALTIME, &now);
	start = (time_t)(((int64_t)now.tv_sec * BILLION + now.tv_nsec - (int64_t)boot_time() +
			  (int64_t)since_boot) /
			 BILLION);
	if (!localtime_r(&start, &tm) || !strftime(to, size, "%Y-%m-%dT%H:%M:%S%z", &tm))
		return NULL;
	return to;
}

/* What /proc does not show here the registry knows, as of a process in another container. */
static void add_facts(const struct kreg_owner_facts *facts, struct output_cell *cells)
{
	int64_t age = ((int64_t)boot_time() - (int64_t)facts->start) / 1000000;

	if (!cells[1].is_there && *facts->comm)
		cells[1] = output_bytes(facts->comm, strnlen(facts->comm, sizeof(facts->comm)));
	if (!cells[2].is_there && facts->uid != KREG_ID_UNKNOWN)
		cells[2] = output_number(facts->uid);
	if (!cells[3].is_there && facts->start && age >= 0)
		cells[3] = output_number((uint64_t)age);
}

/* -1: none. */
static struct output_cell time_of(int64_t ms, enum output_mood mood)
{
	struct output_cell cell = ms < 0 ? output_none() : output_number((uint64_t)ms);

	cell.mood = mood;
	return cell;
}

static void add_rates(const struct sample *sample, const struct sample_owner *owner,
		      struct output_cell *cells)
{
	cells[OWNER_ENTRIES_RATE] = output_change(sample_rate(sample, owner->entries));
	cells[OWNER_UPDATES_RATE] =
		output_number((uint64_t)sample_rate(sample, (int64_t)owner->updates));
	cells[OWNER_BYTES_RATE] = output_change(sample_rate(sample, owner->bytes));
}

void owner_cells(const struct sample *sample, const struct sample_owner *owner,
		 const struct who *who, char *start, struct output_cell cells[OWNER_CELLS])
{
	const struct kreg_owner_facts *facts = &owner->facts;

	memset(cells, 0, OWNER_CELLS * sizeof(*cells));
	who_cells(who, cells + OWNER_WHO);
	add_facts(facts, cells + OWNER_WHO);
	cells[OWNER_ENTRIES] = output_number(facts->entries);
	cells[OWNER_BYTES] = output_number(facts->bytes);
	cells[OWNER_READERS] = output_number(facts->readers);
	cells[OWNER_HELD_UP] = time_of(facts->held_up_ms, OUTPUT_BAD);
	cells[OWNER_EXPELLED] = output_number(facts->expelled);
	cells[OWNER_EXPELLED_AGO] = time_of(facts->expelled_ms, OUTPUT_PLAIN);
	cells[OWNER_SLOTS] = output_number(facts->slots);
	cells[OWNER_LOG] = output_number(facts->log_bytes);
	cells[OWNER_START] = output_string(format_start(facts->start, start, OWNER_START_SIZE));
	if (sample->ms)
		add_rates(sample, owner, cells);
}
