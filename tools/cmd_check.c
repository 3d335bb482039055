/* SPDX-License-Identifier: MIT */
/*
 * regtool check: checks the invariants of a registry's memory and prints each violation.
 */
#include <errno.h>
#include <stdio.h>

#include "tools/client.h"
#include "tools/out/progress.h"
#include "tools/regtool.h"

static const struct output_column columns[] = { { "fault", OUTPUT_TEXT } };

struct faults {
	struct output *output;
	int err;
};

static void add(const char *sentence, void *data)
{
	const struct output_cell cells[] = { output_string(sentence) };
	struct faults *faults = data;

	if (!faults->err)
		faults->err = output_add(faults->output, cells);
}

static void print(const char *sentence, void *data)
{
	(void)data;
	puts(sentence);
}

static int64_t check_json(const struct client *client, struct kreg *k)
{
	struct faults faults = { 0 };
	const char *wrong;
	int64_t count;
	int err = output_new(&faults.output, &client->form, "faults", columns, 1, &wrong);

	if (err)
		return err;
	count = kreg_check(k, add, &faults);
	err = output_end(faults.output, count < 0 ? (int)count : faults.err);
	return err ? err : count;
}

static int check(struct client *client, struct kreg *k, char **arguments)
{
	int64_t count;

	(void)arguments;
	progress_begin("checking", 0);
	count = client->form.json ? check_json(client, k) : kreg_check(k, print, NULL);
	progress_end();
	if (count < 0)
		return client_fail(client, (int)count, "check registry \"%s\"", client->name);
	return count ? REGTOOL_UNSOUND : REGTOOL_DONE;
}

COMMAND(check) = {
	.name = "check",
	.group = COMMAND_READS,
	.synopsis = "check [--json]",
	.summary = "check a registry's memory for faults",
	.use = check,
	.open = KREG_OPEN_READONLY,
};
