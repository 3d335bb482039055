/* SPDX-License-Identifier: MIT */
/*
 * regtool create: makes a registry that is not like the default.
 */
#include <errno.h>
#include <getopt.h>
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/client.h"
#include "tools/regtool.h"

static int parse_keys(const char *text, uint32_t *keys)
{
	if (strcmp(text, "unique") == 0)
		*keys = KREG_KEYS_UNIQUE;
	else if (strcmp(text, "duplicate") == 0)
		*keys = KREG_KEYS_DUPLICATE;
	else if (strcmp(text, "duplicate-by-key") == 0)
		*keys = KREG_KEYS_DUPLICATE_BY_KEY;
	else
		return -EINVAL;
	return 0;
}

static int parse_mode(const char *text, uint32_t *mode)
{
	size_t size = strlen(text);

	if (!size || size > 4 || strspn(text, "01234567") != size)
		return -EINVAL;
	*mode = (uint32_t)strtoul(text, NULL, 8);
	return *mode && *mode <= 0777 ? 0 : -EINVAL;
}

static int parse_number(const char *text, uint32_t *out)
{
	uint64_t number;

	if (client_number(text, UINT32_MAX, &number) != 0)
		return -EINVAL;
	*out = (uint32_t)number;
	return 0;
}

static int parse_group(const char *text, struct kreg_options *options)
{
	struct group entry, *found;
	char room[65536];

	options->set_group = 1;
	if (getgrnam_r(text, &entry, room, sizeof(room), &found) == 0 && found) {
		options->group = entry.gr_gid;
		return 0;
	}
	return parse_number(text, &options->group);
}

static int parse_option(struct kreg_options *options, int option, const char *text)
{
	switch (option) {
	case 'k':
		return parse_keys(text, &options->keys);
	case 'm':
		return parse_mode(text, &options->mode);
	case 'g':
		return parse_group(text, options);
	case 'b':
		return client_number(text, UINT64_MAX, &options->max_bytes);
	case 'o':
		return client_number(text, UINT64_MAX, &options->owner_bytes);
	case 'p':
		return parse_number(text, &options->partitions);
	case 's':
		return parse_number(text, &options->slots);
	default:
		return parse_number(text, &options->seats);
	}
}

static const char *name_of(const struct option *at, int option)
{
	while (at->name && at->val != option)
		at++;
	return at->name;
}

static int run(struct client *client, int argc, char **argv)
{
	static const struct option options[] = {
		{ "keys", required_argument, NULL, 'k' },
		{ "mode", required_argument, NULL, 'm' },
		{ "group", required_argument, NULL, 'g' },
		{ "partitions", required_argument, NULL, 'p' },
		{ "max-bytes", required_argument, NULL, 'b' },
		{ "owner-bytes", required_argument, NULL, 'o' },
		{ "slots", required_argument, NULL, 's' },
		{ "seats", required_argument, NULL, 'S' },
		{ 0 },
	};
	struct kreg *k;
	int option, status, err;

	while ((option = client_option(client, argc, argv, options)) != -1) {
		if (parse_option(&client->options, option, optarg) != 0)
			return client_misuse(client,
					     "--%s: \"%s\" is not what it takes; see "
					     "`regtool create --help`",
					     name_of(options, option), optarg);
	}
	if (argc - optind != 1)
		return client_usage(client);
	status = client_name(client, argv[optind]);
	if (status)
		return status;
	client->options.flags = KREG_OPEN_EXCLUSIVE;
	err = kreg_open(&k, client->name, &client->options);
	if (err == -EEXIST) {
		fprintf(stderr,
			"regtool: registry \"%s\" exists already; `regtool destroy %s` "
			"removes it\n",
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

const struct command cmd_create = {
	.name = "create",
	.synopsis = "create NAME [--keys unique|duplicate|duplicate-by-key] [--partitions N]\n"
		    "               [--mode M] [--group G] [--max-bytes N] [--owner-bytes N]\n"
		    "               [--slots N] [--seats N]",
	.summary = "make a registry that is not like the default",
	.options =
		"  --keys unique            one owner for a key (default)\n"
		"  --keys duplicate         any number of entries under a key\n"
		"  --keys duplicate-by-key  the same, for many keys with few entries each\n"
		"  --partitions N           places where writers of one key meet (1)\n"
		"  --mode M                 the file's mode, octal (0600)\n"
		"  --group G                the file's group\n"
		"  --max-bytes N            for entries and values; K, M, G and T may follow "
		"(16G)\n"
		"  --owner-bytes N          what one process may take of that (all)\n"
		"  --slots N                threads that write or read in sections at once (8192)\n"
		"  --seats N                processes at once where no guard runs (4096)\n",
	.run = run,
};
