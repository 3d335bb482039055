/* SPDX-License-Identifier: MIT */
/*
 * regtool keys: what a process holds.
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

	if (!err && search.found) {
		output_sort(search.output, 1);
		err = output_list(search.output, client->json);
	}
	output_free(search.output);
	if (err)
		return client_fail(client, err, "list the keys of pid %d", pid);
	if (search.found)
		return REGTOOL_DONE;
	fprintf(stderr, "regtool: no living process %d is attached to registry \"%s\"\n", pid,
		client->name);
	return REGTOOL_NOT_FOUND;
}

static int run(struct client *client, int argc, char **argv)
{
	struct kreg *k;
	uint64_t pid;
	int status;

	while (client_option(client, argc, argv, NULL) != -1)
		;
	if (argc - optind != 1)
		return client_usage(client);
	if (client_number(argv[optind], INT_MAX, &pid) || !pid)
		return client_misuse(client, "\"%s\" is no pid", argv[optind]);
	status = client_open(client, KREG_OPEN_READONLY, &k);
	if (status)
		return status;
	status = keys(client, k, (pid_t)pid);
	kreg_close(k);
	return status;
}

const struct command cmd_keys = {
	.name = "keys",
	.synopsis = "keys [--json] PID",
	.summary = "what a process holds",
	.run = run,
};
