/* SPDX-License-Identifier: MIT */
/*
 * regtool keys: lists the names that a process holds.
 */
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>

#include "tools/client.h"
#include "tools/entries.h"
#include "tools/regtool.h"

struct search {
	struct kreg *k;
	struct output *output;
	pid_t pid;
	bool found;
};

/* In the fallback a process may be several owners, one for each handle. */
static int visit_owner(const struct kreg_owner_facts *facts, void *data)
{
	struct search *search = data;

	if (facts->owner.pid != search->pid)
		return 0;
	search->found = true;
	return kreg_each_of_owner(search->k, &facts->owner, entries_add, search->output);
}

static int keys(struct client *client, struct kreg *k, pid_t pid)
{
	struct search search = { .k = k, .pid = pid, .output = entries_new() };
	int err = search.output ? kreg_each_owner(k, visit_owner, &search) : -ENOMEM;

	if (!err && !search.found)
		err = -ESRCH;
	err = output_finish(search.output, err, 1, client->json);
	if (err == -ESRCH) {
		fprintf(stderr, "regtool: process %d is not attached to registry \"%s\"\n", pid,
			client->name);
		return REGTOOL_NOT_FOUND;
	}
	return err ? client_fail(client, err, "list the keys of pid %d", pid) : REGTOOL_DONE;
}

static int run(struct client *client, int argc, char **argv)
{
	struct kreg *k;
	uint64_t pid;
	int status;

	while (client_option(client, argc, argv) != -1)
		;
	if (argc - optind != 1)
		return client_usage(client);
	status = client_range(client, "PID", argv[optind], 1, INT_MAX, &pid);
	if (!status)
		status = client_open(client, KREG_OPEN_READONLY, &k);
	if (status)
		return status;
	status = keys(client, k, (pid_t)pid);
	kreg_close(k);
	return status;
}

COMMAND(keys) = {
	.name = "keys",
	.group = COMMAND_READS,
	.synopsis = "keys [--json] PID",
	.summary = "list the names that a process holds",
	.run = run,
};
