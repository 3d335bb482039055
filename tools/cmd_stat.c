/* SPDX-License-Identifier: MIT */
/*
 * regtool stat: prints the kind, contents and limits of a registry.
 */
#include "tools/client.h"
#include "tools/regtool.h"

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

/* 0 stands for none. */
static struct output_cell some(uint64_t number)
{
	return number ? output_number(number) : output_none();
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
		some((uint64_t)stat->held_up_by),
		output_number(stat->fences),
		some(stat->bytes_owner_max),
		some(stat->bytes_owner_most),
		some((uint64_t)stat->owner_most),
	};

	return output_record(&client->form, columns, COLUMNS, cells);
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
