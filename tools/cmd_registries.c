/* SPDX-License-Identifier: MIT */
/*
 * regtool registries: lists the registries of this host.
 */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>

#include "tools/client.h"
#include "tools/kinds.h"
#include "tools/regtool.h"

enum {
	REGISTRY_NAME,
	REGISTRY_UID,
	REGISTRY_MODE,
	REGISTRY_KEYS,
	REGISTRY_ENTRIES,
	REGISTRY_OWNERS,
	REGISTRY_BYTES,
	REGISTRY_LIFE,
	REGISTRY_STATE,
	REGISTRY_GID,
	REGISTRY_LAYOUT,
	REGISTRY_DIRECTORY,
	REGISTRY_CELLS,
};

static const struct output_column columns[REGISTRY_CELLS] = {
	{ "name", OUTPUT_TEXT, "as -r takes it", false },
	{ "uid", OUTPUT_NUMBER, "the user of its file", false },
	{ "mode", OUTPUT_TEXT, "the mode of its file, octal", false },
	{ "keys", OUTPUT_TEXT, "unique, duplicate or duplicate-by-key", false },
	{ "entries", OUTPUT_NUMBER, "of living owners", false },
	{ "owners", OUTPUT_NUMBER, "that are alive; of a leftover: processes that may be", false },
	{ "bytes", OUTPUT_SIZE, "taken from the file system", false },
	{ "life", OUTPUT_TEXT, "guard or fallback", false },
	{ "state", OUTPUT_TEXT, "current, leftover, other-layout, damaged, anothers or hidden",
	  false },
	{ "gid", OUTPUT_NUMBER, "the group of its file", true },
	{ "layout", OUTPUT_NUMBER, "the version of its layout", true },
	{ "directory", OUTPUT_TEXT, "the folder of its file", true },
};

static struct output_cell state_of(const struct kreg_registry *registry)
{
	static const char *const names[] = {
		[KREG_REGISTRY_CURRENT] = "current",
		[KREG_REGISTRY_LEFTOVER] = "leftover",
		[KREG_REGISTRY_OTHER_LAYOUT] = "other-layout",
		[KREG_REGISTRY_DAMAGED] = "damaged",
		[KREG_REGISTRY_ANOTHERS] = "anothers",
		[KREG_REGISTRY_HIDDEN] = "hidden",
	};
	struct output_cell cell = output_none();

	if (registry->state < sizeof(names) / sizeof(names[0]))
		cell = output_constant(names[registry->state]);
	if (registry->state == KREG_REGISTRY_LEFTOVER ||
	    registry->state == KREG_REGISTRY_OTHER_LAYOUT)
		cell.mood = OUTPUT_WARNING;
	else if (registry->state != KREG_REGISTRY_CURRENT)
		cell.mood = registry->state == KREG_REGISTRY_HIDDEN ? OUTPUT_DIM : OUTPUT_BAD;
	return cell;
}

/* What is not known of a file that is no registry, or may not be read, is not there. */
static int add_registry(const struct kreg_registry *registry, void *data)
{
	bool current = registry->state == KREG_REGISTRY_CURRENT;
	bool known = current || registry->state == KREG_REGISTRY_LEFTOVER ||
		     registry->state == KREG_REGISTRY_OTHER_LAYOUT;
	bool has_keys = known && registry->state != KREG_REGISTRY_OTHER_LAYOUT;
	struct output_cell cells[REGISTRY_CELLS] = { 0 };
	char mode[16];

	snprintf(mode, sizeof(mode), "%04o", registry->mode & 07777);
	cells[REGISTRY_NAME] = output_string(registry->name);
	cells[REGISTRY_UID] = output_number(registry->uid);
	cells[REGISTRY_MODE] = output_string(mode);
	cells[REGISTRY_BYTES] = output_number(registry->bytes);
	cells[REGISTRY_STATE] = state_of(registry);
	cells[REGISTRY_GID] = output_number(registry->gid);
	cells[REGISTRY_DIRECTORY] = output_string(registry->directory);
	if (has_keys)
		cells[REGISTRY_KEYS] = output_constant(keys_name(registry->keys));
	if (current)
		cells[REGISTRY_ENTRIES] = output_number(registry->entries);
	if (known) {
		cells[REGISTRY_OWNERS] = output_number(registry->owners);
		cells[REGISTRY_LIFE] = output_constant(life_name(registry->life));
		cells[REGISTRY_LAYOUT] = output_number(registry->layout);
	}
	return output_add(data, cells);
}

static int run(struct client *client, int argc, char **argv)
{
	struct output *output;
	uint32_t flags = 0;
	int status, err;

	while (client_option(client, argc, argv) != -1)
		flags = KREG_REGISTRIES_OWN;
	status = client_arguments(client, argc, argv);
	if (!status)
		status = client_list(client, &output);
	if (status)
		return status;
	err = kreg_registries_each(&client->options, flags, add_registry, output);
	err = output_end(output, err);
	return err ? client_fail(client, err, "list the registries") : REGTOOL_DONE;
}

static const struct command_option options[] = {
	{ "own", 'u', NULL, "only those of the user", false },
	{ 0 },
};

static const struct command_example examples[] = {
	{ "regtool registries --sort -bytes", "which registries take most memory" },
	{ "regtool registries -o +directory", "where their files are" },
	{ 0 },
};

COMMAND(registries) = {
	.name = "registries",
	.group = COMMAND_READS,
	.synopsis = "registries [--own] " LIST_SYNOPSIS,
	.summary = "list the registries of this host",
	.options = options,
	.examples = examples,
	.columns = columns,
	.column_count = REGISTRY_CELLS,
	.list = "registries",
	.run = run,
};
