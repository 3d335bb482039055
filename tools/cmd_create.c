/* SPDX-License-Identifier: MIT */
/*
 * regtool create: creates a registry with options other than the defaults.
 */
#include <errno.h>
#include <getopt.h>
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/client.h"
#include "tools/kinds.h"
#include "tools/regtool.h"

static int parse_keys(struct client *client)
{
	if (keys_of_name(optarg, &client->options.keys))
		return client_misuse(client,
				     "--keys: \"%s\" is not unique, duplicate or duplicate-by-key",
				     optarg);
	return REGTOOL_DONE;
}

static int parse_mode(struct client *client)
{
	size_t size = strlen(optarg);
	uint32_t mode = 0;

	if (size && size <= 4 && strspn(optarg, "01234567") == size)
		mode = (uint32_t)strtoul(optarg, NULL, 8);
	client->options.mode = mode;
	if (mode && mode <= 0777)
		return REGTOOL_DONE;
	return client_misuse(client, "--mode: \"%s\" is not an octal number from 1 to 777", optarg);
}

static int parse_group(struct client *client)
{
	struct group entry, *found;
	char room[65536];
	uint64_t number;

	if (getgrnam_r(optarg, &entry, room, sizeof(room), &found) == 0 && found)
		number = entry.gr_gid;
	else if (client_number(optarg, UINT32_MAX, &number))
		return client_misuse(client, "--group: there is no group \"%s\"", optarg);
	client->options.set_group = 1;
	client->options.group = (uint32_t)number;
	return REGTOOL_DONE;
}

static int parse_number(struct client *client, const char *what, uint32_t *out)
{
	uint64_t number;

	if (client_range(client, what, optarg, 0, UINT32_MAX, &number))
		return REGTOOL_USAGE;
	*out = (uint32_t)number;
	return REGTOOL_DONE;
}

static int parse_option(struct client *client, int option)
{
	struct kreg_options *o = &client->options;

	switch (option) {
	case 'k':
		return parse_keys(client);
	case 'm':
		return parse_mode(client);
	case 'g':
		return parse_group(client);
	case 'b':
		return client_range(client, "--max-bytes", optarg, 0, UINT64_MAX, &o->max_bytes);
	case 'o':
		return client_range(client, "--owner-bytes", optarg, 0, UINT64_MAX,
				    &o->owner_bytes);
	case 'p':
		return parse_number(client, "--partitions", &o->partitions);
	case 's':
		return parse_number(client, "--slots", &o->slots);
	default:
		return parse_number(client, "--seats", &o->seats);
	}
}

static int run(struct client *client, int argc, char **argv)
{
	struct kreg *k;
	int option, status, err;

	while ((option = client_option(client, argc, argv)) != -1) {
		if (parse_option(client, option))
			return REGTOOL_USAGE;
	}
	status = client_arguments(client, argc, argv);
	if (!status)
		status = client_name(client, argv[optind]);
	if (status)
		return status;
	client->options.flags = KREG_OPEN_EXCLUSIVE;
	err = kreg_open(&k, client->name, &client->options);
	if (err == -EEXIST) {
		fprintf(stderr,
			"regtool: registry \"%s\" already exists; remove it with "
			"`regtool destroy %s`\n",
			client->name, client->name);
		return REGTOOL_ERROR;
	}
	if (err) {
		status = client_fail(client, err, "create registry \"%s\"", client->name);
		return err == -EINVAL || err == -E2BIG ? REGTOOL_USAGE : status;
	}
	kreg_close(k);
	return REGTOOL_DONE;
}

static const struct command_option options[] = {
	{ "keys", 'k', "KIND",
	  "unique: one owner for a key (default)\n"
	  "duplicate: any number of entries under a key\n"
	  "duplicate-by-key: the same, for many keys with few entries each" },
	{ "partitions", 'p', "N", "partitions over which the entries of a key are spread (1)" },
	{ "mode", 'm', "MODE", "mode of the file, octal (0600)" },
	{ "group", 'g', "GROUP", "group of the file" },
	{ "max-bytes", 'b', "N", "memory for entries and values; K, M, G or T may follow (16G)" },
	{ "owner-bytes", 'o', "N", "how much of it one process may use (all)" },
	{ "slots", 's', "N", "threads that can write or read in sections at once (8192)" },
	{ "seats", 'S', "N", "processes that can attach at once without a guard (4096)" },
	{ 0 },
};

static const struct command_example examples[] = {
	{ "regtool create services --mode 640 --group adm", "one that the group adm may read" },
	{ "regtool create jobs --keys duplicate", "one with any number of entries under a key" },
	{ 0 },
};

COMMAND(create) = {
	.name = "create",
	.group = COMMAND_CHANGES,
	.synopsis = "create NAME [--keys unique|duplicate|duplicate-by-key] [--partitions N] "
		    "[--mode MODE] [--group GROUP] [--max-bytes N] [--owner-bytes N] [--slots N] "
		    "[--seats N]",
	.summary = "create a registry with options",
	.options = options,
	.examples = examples,
	.arguments = "NAME",
	.least = 1,
	.most = 1,
	.run = run,
};
