/* SPDX-License-Identifier: MIT */
/*
 * regtool meta: lists, reads and changes the registry's own keys and values.
 */
#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <stdio.h>
#include <string.h>

#include "tools/client.h"
#include "tools/regtool.h"

static int add_item(const struct kreg_entry *entry, void *data)
{
	const struct output_cell cells[] = {
		output_bytes(entry->key, entry->key_size),
		output_bytes(entry->value, entry->value_size),
	};

	return output_add(data, cells);
}

static int meta_list(struct client *client, struct kreg *k)
{
	static const struct output_column columns[] = { { "key", OUTPUT_TEXT },
							{ "value", OUTPUT_TEXT } };
	struct output *output;
	const char *wrong;
	int err = output_new(&output, &client->form, "meta", columns, 2, &wrong);

	if (err)
		return err;
	output_order(output, 0);
	return output_end(output, kreg_meta_each(k, add_item, output));
}

static int meta_get(struct kreg *k, const char *key)
{
	char *value = malloc(KREG_VALUE_MAX);
	ssize_t size = value ? kreg_meta_get(k, key, KREG_STRING, value, KREG_VALUE_MAX) : -ENOMEM;

	if (size >= 0) {
		fwrite(value, 1, (size_t)size, stdout);
		putchar('\n');
	}
	free(value);
	return size < 0 ? (int)size : 0;
}

struct action {
	const char *name;
	const char *arguments;
	int count;
	uint32_t flags;
};

static int act(struct client *client, struct kreg *k, const struct action *action, char **argv)
{
	if (!strcmp(action->name, "list"))
		return meta_list(client, k);
	if (!strcmp(action->name, "get"))
		return meta_get(k, argv[0]);
	if (!strcmp(action->name, "put"))
		return kreg_meta_put(k, argv[0], KREG_STRING, argv[1], strlen(argv[1]));
	return kreg_meta_delete(k, argv[0], KREG_STRING);
}

static int run(struct client *client, int argc, char **argv)
{
	static const struct action actions[] = {
		{ "list", "", 0, KREG_OPEN_READONLY },
		{ "get", "KEY", 1, KREG_OPEN_READONLY },
		{ "put", "KEY VALUE", 2, 0 },
		{ "delete", "KEY", 1, KREG_OPEN_EXISTING },
	};
	const struct action *action = actions;
	struct kreg *k;
	int status, err;

	while (client_option(client, argc, argv) != -1)
		;
	if (optind < argc) {
		while (action < actions + 4 && strcmp(action->name, argv[optind]))
			action++;
		optind++;
	}
	if (action == actions + 4)
		return client_misuse(client, "meta: \"%s\" is none of list, get, put and delete",
				     argv[optind - 1]);
	status = client_count_arguments(client, argc, argv, action->arguments, action->count,
					action->count);
	if (!status)
		status = client_open(client, action->flags, &k);
	if (status)
		return status;
	err = act(client, k, action, argv + optind);
	if (err == -ENOENT) {
		fprintf(stderr, "regtool: there is no meta key \"%s\" in registry \"%s\"\n",
			argv[optind], client->name);
		status = REGTOOL_NOT_FOUND;
	} else if (err) {
		status = client_fail(client, err, "%s meta in registry \"%s\"", action->name,
				     client->name);
	}
	kreg_close(k);
	return status;
}

COMMAND(meta) = {
	.name = "meta",
	.group = COMMAND_CHANGES,
	.synopsis = "meta [list [--json] | get KEY | put KEY VALUE | delete KEY]",
	.summary = "list, read and change the registry's own keys and values",
	.run = run,
};
