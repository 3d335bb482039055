/* SPDX-License-Identifier: MIT */
/*
 * regtool stat: what a registry is and holds.
 */
#include <errno.h>
#include <getopt.h>

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

/* As `regtool create --keys` takes them. */
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
	struct output *output = output_new("stat", columns, sizeof(columns) / sizeof(columns[0]));
	int err = -ENOMEM;

	if (output)
		err = output_add(output, cells);
	if (!err)
		err = output_records(output, client->json);
	output_free(output);
	return err;
}

static int run(struct client *client, int argc, char **argv)
{
	struct kreg_stat stat = { .size = sizeof(stat) };
	struct kreg *k;
	int status, err;

	while (client_option(client, argc, argv, NULL) != -1)
		;
	if (optind != argc)
		return client_usage(client);
	status = client_open(client, KREG_OPEN_READONLY, &k);
	if (status)
		return status;
	err = kreg_stat(k, &stat);
	if (!err)
		err = print(client, &stat);
	if (err)
		status = client_fail(client, err, "describe registry \"%s\"", client->name);
	kreg_close(k);
	return status;
}

const struct command cmd_stat = {
	.name = "stat",
	.synopsis = "stat [--json]",
	.summary = "what a registry is, holds and has room for",
	.run = run,
};
