/* SPDX-License-Identifier: MIT */
/*
 * regtool stat: prints the kind, contents and limits of a registry.
 */
#include "tools/interval.h"
#include "tools/kinds.h"
#include "tools/out/series.h"

static const struct output_column columns[] = {
	{ "registry", OUTPUT_TEXT },
	{ "life", OUTPUT_TEXT },
	{ "keys", OUTPUT_TEXT },
	{ "partitions", OUTPUT_NUMBER },
	{ "entries", OUTPUT_NUMBER },
	{ "owners", OUTPUT_NUMBER },
	{ "seats", OUTPUT_NUMBER },
	{ "slots", OUTPUT_NUMBER },
	{ "slots_used", OUTPUT_NUMBER },
	{ "buckets", OUTPUT_NUMBER },
	{ "epoch", OUTPUT_NUMBER },
	{ "bytes_reserved", OUTPUT_SIZE },
	{ "bytes_used", OUTPUT_SIZE },
	{ "bytes_dead", OUTPUT_SIZE },
	{ "bytes_waiting", OUTPUT_SIZE },
	{ "bytes_max", OUTPUT_SIZE },
	{ "held_up_by", OUTPUT_NUMBER },
	{ "fences", OUTPUT_NUMBER },
	{ "bytes_owner_max", OUTPUT_SIZE },
	{ "bytes_owner_most", OUTPUT_SIZE },
	{ "owner_most", OUTPUT_NUMBER },
	{ "bytes_table", OUTPUT_SIZE },
	{ "bytes_log", OUTPUT_SIZE },
	{ "bytes_swept", OUTPUT_SIZE },
	{ "readers", OUTPUT_NUMBER },
	{ "held_up", OUTPUT_SECONDS },
	{ "expelled", OUTPUT_NUMBER },
	{ "expelled_last", OUTPUT_NUMBER },
	{ "expelled_ago", OUTPUT_SECONDS },
};
#define COLUMNS (sizeof(columns) / sizeof(columns[0]))

/* 0 stands for none. */
static struct output_cell some(uint64_t number)
{
	return number ? output_number(number) : output_none();
}

/* -1: none. */
static struct output_cell time_of(int64_t ms)
{
	return ms < 0 ? output_none() : output_number((uint64_t)ms);
}

static int print(struct client *client, const struct kreg_stat *stat)
{
	const struct output_cell cells[] = {
		output_string(client->name),          output_string(life_name(stat->life)),
		output_string(keys_name(stat->keys)), output_number(stat->partitions),
		output_number(stat->entries),         output_number(stat->owners),
		output_number(stat->seats),           output_number(stat->slots),
		output_number(stat->slots_used),      output_number(stat->buckets),
		output_number(stat->epoch),           output_number(stat->bytes_reserved),
		output_number(stat->bytes_used),      output_number(stat->bytes_dead),
		output_number(stat->bytes_waiting),   output_number(stat->bytes_max),
		some((uint64_t)stat->held_up_by),     output_number(stat->fences),
		some(stat->bytes_owner_max),          some(stat->bytes_owner_most),
		some((uint64_t)stat->owner_most),     output_number(stat->bytes_table),
		output_number(stat->bytes_log),       output_number(stat->bytes_swept),
		output_number(stat->readers),         time_of(stat->held_up_ms),
		output_number(stat->expelled),        some((uint64_t)stat->expelled_last),
		time_of(stat->expelled_ms),
	};

	return output_record(&client->form, columns, COLUMNS, cells);
}

/* What changes, and how quickly. */
static const struct output_column rates[] = {
	{ "entries", OUTPUT_NUMBER },    { "entries_rate", OUTPUT_CHANGE },
	{ "owners", OUTPUT_NUMBER },     { "came", OUTPUT_NUMBER },
	{ "ended", OUTPUT_NUMBER },      { "reserved", OUTPUT_SIZE },
	{ "used", OUTPUT_SIZE },         { "used_rate", OUTPUT_CHANGE },
	{ "waiting", OUTPUT_SIZE },      { "dead", OUTPUT_SIZE },
	{ "swept_rate", OUTPUT_CHANGE }, { "epoch_rate", OUTPUT_CHANGE },
	{ "readers", OUTPUT_NUMBER },    { "held_up_by", OUTPUT_NUMBER },
	{ "held_up", OUTPUT_SECONDS },   { "expelled", OUTPUT_NUMBER },
};
#define RATES (sizeof(rates) / sizeof(rates[0]))

struct series {
	struct client *client;
	struct kreg_stat before;
	uint64_t rows;
};

static struct output_cell rate(const struct sample *sample, uint64_t now, uint64_t before)
{
	return output_change(sample_rate(sample, sample_change(now, before)));
}

static int print_rates(const struct sample *sample, void *data)
{
	struct series *series = data;
	const struct kreg_stat *now = &sample->stat, *before = &series->before;
	const struct output_cell cells[] = {
		output_number(now->entries),
		rate(sample, now->entries, before->entries),
		output_number(now->owners),
		output_number(sample->came),
		output_number(sample->ended),
		output_number(now->bytes_reserved),
		output_number(now->bytes_used),
		rate(sample, now->bytes_used, before->bytes_used),
		output_number(now->bytes_waiting),
		output_number(now->bytes_dead),
		rate(sample, now->bytes_swept, before->bytes_swept),
		rate(sample, now->epoch, before->epoch),
		output_number(now->readers),
		some((uint64_t)now->held_up_by),
		time_of(now->held_up_ms),
		output_number(now->expelled),
	};
	int err = series_add(&series->client->form, rates, RATES, cells, series->rows++);

	series->before = *now;
	return err;
}

static int stat_series(struct client *client, struct kreg *k, const struct interval *interval)
{
	struct series series = { .client = client, .before.size = sizeof(series.before) };
	int err = kreg_stat(k, &series.before);

	return err ? err : interval_run(k, interval, print_rates, &series);
}

static int stat_once(struct client *client, struct kreg *k)
{
	struct kreg_stat stat = { .size = sizeof(stat) };
	int err = kreg_stat(k, &stat);

	return err ? err : print(client, &stat);
}

static int run(struct client *client, int argc, char **argv)
{
	struct interval interval = { 0 };
	struct kreg *k;
	int err, status = interval_parse(client, &interval, argc, argv);

	if (!status)
		status = client_open(client, KREG_OPEN_READONLY, &k);
	if (status)
		return status;
	err = interval.ms ? stat_series(client, k, &interval) : stat_once(client, k);
	if (err)
		status = client_fail(client, err, "describe registry \"%s\"", client->name);
	kreg_close(k);
	return status;
}

static const struct command_option options[] = {
	INTERVAL_OPTIONS,
	{ 0 },
};

static const struct command_example examples[] = {
	{ "regtool stat", "what it holds, and who keeps memory from being reused" },
	{ "regtool stat --interval 1", "whether it grows, and how quickly" },
	{ 0 },
};

COMMAND(stat) = {
	.name = "stat",
	.group = COMMAND_READS,
	.synopsis = "stat " INTERVAL_SYNOPSIS " [--json]",
	.summary = "show the options, contents and capacity of a registry",
	.options = options,
	.examples = examples,
	.run = run,
};
