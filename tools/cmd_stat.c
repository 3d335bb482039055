/* SPDX-License-Identifier: MIT */
/*
 * regtool stat: prints the kind, contents and limits of a registry.
 */
#include "tools/client.h"
#include "tools/output.h"
#include "tools/regtool.h"

static const struct output_column columns[] = {
	{ "registry", false },       { "life", false },
	{ "keys", false },           { "partitions", true },
	{ "entries", true },         { "owners", true },
	{ "seats", true },           { "slots", true },
	{ "slots_used", true },      { "buckets", true },
	{ "epoch", true },           { "bytes_reserved", true },
	{ "bytes_used", true },      { "bytes_dead", true },
	{ "bytes_waiting", true },   { "bytes_max", true },
	{ "held_up_by", true },      { "fences", true },
	{ "bytes_owner_max", true }, { "bytes_owner_most", true },
	{ "owner_most", true },
};
#define COLUMNS (sizeof(columns) / sizeof(columns[0]))

/* The words that `regtool create --keys` takes. */
static const char *keys_of(const struct kreg_stat *stat)
{
	switch (stat->keys) {
	case KREG_KEYS_UNIQUE:
		return "unique";
	case KREG_KEYS_DUPLICATE:
		return "duplicate";
	default:
		return "duplicate-by-key";
	}
}

static int print(struct client *client, const struct kreg_stat *stat)
{
	const struct output_cell cells[] = {
		output_string(client->name),
		output_string(stat->life == KREG_LIFE_GUARD ? "guard" : "fallback"),
		output_string(keys_of(stat)),
		output_number(stat->partitions),
		output_number(stat->entries),
		output_number(stat->owners),
		output_number(stat->seats),
		output_number(stat->slots),
		output_number(stat->slots_used),
		output_number(stat->buckets),
		output_number(stat->epoch),
		output_number(stat->bytes_reserved),
		output_number(stat->bytes_used),
		output_number(stat->bytes_dead),
		output_number(stat->bytes_waiting),
		output_number(stat->bytes_max),
		output_number((uint64_t)stat->held_up_by),
		output_number(stat->fences),
		output_number(stat->bytes_owner_max),
		output_number(stat->bytes_owner_most),
		output_number((uint64_t)stat->owner_most),
	};

	return output_record("stat", columns, COLUMNS, cells, client->json);
}

static int stat_registry(struct client *client, struct kreg *k, char **arguments)
{
	struct kreg_stat stat = { .size = sizeof(stat) };
	int err = kreg_stat(k, &stat);

	(void)arguments;
	if (!err)
		err = print(client, &stat);
	if (err)
		return client_fail(client, err, "describe registry \"%s\"", client->name);
	return REGTOOL_DONE;
}

COMMAND(stat) = {
	.name = "stat",
	.group = COMMAND_READS,
	.synopsis = "stat [--json]",
	.summary = "show the options, contents and capacity of a registry",
	.use = stat_registry,
	.open = KREG_OPEN_READONLY,
};
