/* SPDX-License-Identifier: MIT */
/*
 * regtool check: are the invariants of a registry's memory kept?
 */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>

#include "tools/client.h"
#include "tools/output.h"
#include "tools/regtool.h"

static const struct output_column columns[] = { { "fault", false } };

struct faults {
	struct output *output;
	int err;
};

static void add(void *data, const char *sentence)
{
	const struct output_cell cells[] = { output_string(sentence) };
	struct faults *faults = data;

	if (!faults->err)
		faults->err = output_add(faults->output, cells);
}

static void print(void *data, const char *sentence)
{
	(void)data;
	puts(sentence);
}

static int64_t check_json(struct kreg *k)
{
	struct faults faults = { .output = output_new("faults", columns, 1) };
	int64_t count = -ENOMEM;

	if (faults.output)
		count = kreg_check(k, add, &faults);
	if (count >= 0 && !faults.err)
		faults.err = output_list(faults.output, true);
	output_free(faults.output);
	return faults.err ? faults.err : count;
}

static int run(struct client *client, int argc, char **argv)
{
	struct kreg *k;
	int64_t count;
	int status;

	while (client_option(client, argc, argv, NULL) != -1)
		;
	if (optind != argc)
		return client_usage(client);
	status = client_open(client, KREG_OPEN_READONLY, &k);
	if (status)
		return status;
	count = client->json ? check_json(k) : kreg_check(k, print, NULL);
	if (count < 0)
		status = client_fail(client, (int)count, "check registry \"%s\"", client->name);
	else if (count)
		status = REGTOOL_UNSOUND;
	kreg_close(k);
	return status;
}

const struct command cmd_check = {
	.name = "check",
	.synopsis = "check [--json]",
	.summary = "whether a registry's memory is sound",
	.run = run,
};
