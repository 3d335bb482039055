/* SPDX-License-Identifier: MIT */
/*
 * regtool cluster: how the bridges of a registry to clusters of hosts are, which kreg-etcd registers.
 */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/client.h"
#include "tools/cluster/bridges.h"
#include "tools/cluster/names.h"
#include "tools/cluster/show.h"
#include "tools/regtool.h"

struct request {
	struct client *client;
	struct kreg *k;
	const char *only; /* a cluster; NULL: all */
	bool names;
};

struct kept {
	struct kreg *k;
	uint64_t names;
	pid_t pid;
};

static int add_kept(const struct kreg_owner_facts *facts, void *data)
{
	struct kept *kept = data;
	uint64_t names = bridges_stale_names(kept->k, &facts->owner);

	if (names)
		kept->pid = facts->owner.pid;
	kept->names += names;
	return 0;
}

/* Names of other hosts may be there without a bridge. */
static int say_none(const struct request *request)
{
	struct kept kept = { .k = request->k };
	const char *registry = request->client->name;

	if (request->only) {
		fprintf(stderr,
			"regtool: no bridge to cluster \"%s\" is in registry \"%s\"; kreg-etcd "
			"--cluster %s makes one, see kreg-etcd(8)\n",
			request->only, registry, request->only);
		return REGTOOL_NOT_FOUND;
	}
	fprintf(stderr, "regtool: no bridge to a cluster is in registry \"%s\"", registry);
	kreg_each_owner(request->k, add_kept, &kept);
	if (kept.names)
		fprintf(stderr,
			", and %" PRIu64 " names of other hosts are stale: pid %d keeps them for "
			"the time of --grace; start kreg-etcd again\n",
			kept.names, kept.pid);
	else
		fprintf(stderr, "; kreg-etcd makes one, see kreg-etcd(8)\n");
	return REGTOOL_NOT_FOUND;
}

static int say_wrong(const struct bridges *bridges)
{
	int status = REGTOOL_DONE;
	size_t i;

	for (i = 0; i < bridges->count; i++) {
		const struct bridge *bridge = &bridges->list[i];

		if (!*bridge->wrong)
			continue;
		fprintf(stderr,
			"regtool: what pid %d has registered as \"" BRIDGES_SPACE
			"/%s\" is not the state of a bridge: %s; %s\n",
			bridge->owner.pid, bridge->cluster, bridge->wrong,
			bridge->is_other_format ? "use one version of kreg-etcd and regtool"
						: "see who may write the registry");
		status = REGTOOL_ERROR;
	}
	if (bridges->left_out) {
		fprintf(stderr, "regtool: %" PRIu64 " more entries are in " BRIDGES_SPACE "\n",
			bridges->left_out);
		status = REGTOOL_ERROR;
	}
	return status;
}

static int show(const struct request *request, const struct bridges *bridges)
{
	struct cluster_show shown = { .form = request->client->form,
				      .registry = request->client->name,
				      .bridges = bridges };
	struct cluster_names names = { 0 };
	int err = 0;

	if (request->names)
		err = cluster_names_read(&names, request->k, bridges);
	if (!err) {
		shown.names = request->names ? &names : NULL;
		err = shown.form.json ? cluster_document(&shown) : cluster_tables(&shown);
	}
	cluster_names_free(&names);
	return err;
}

static int look(const struct request *request)
{
	struct client *client = request->client;
	struct bridges bridges;
	int err = bridges_read(&bridges, request->k, request->only), status = REGTOOL_DONE;

	if (!err && !bridges.count)
		status = say_none(request);
	else if (!err)
		err = show(request, &bridges);
	if (!err && !status)
		status = say_wrong(&bridges);
	bridges_free(&bridges);
	return err ? client_fail(client, err, "read the clusters of registry \"%s\"", client->name)
		   : status;
}

static int run(struct client *client, int argc, char **argv)
{
	struct request request = { .client = client };
	int status;

	while (client_option(client, argc, argv) != -1)
		request.names = true;
	status = client_arguments(client, argc, argv);
	if (!status && optind < argc)
		request.only = argv[optind];
	if (!status)
		status = client_open(client, KREG_OPEN_READONLY, &request.k);
	if (status)
		return status;
	status = look(&request);
	kreg_close(request.k);
	return status;
}

static const struct command_option options[] = {
	{ "names", 'n', NULL, "also the names that it exports and imports", false },
	{ 0 },
};

static const struct command_example examples[] = {
	{ "regtool cluster", "whether this host is in touch with the others" },
	{ "regtool cluster shop --names", "what others find here, and what is found of them" },
	{ "regtool cluster --json | jq '.clusters[].member_list[].host'", "the hosts" },
	{ 0 },
};

COMMAND(cluster) = {
	.name = "cluster",
	.group = COMMAND_READS,
	.synopsis = "cluster [CLUSTER] [--names] [--json]",
	.summary = "show the bridge to other hosts: lease, lag, members, conflicts",
	.options = options,
	.examples = examples,
	.arguments = "CLUSTER",
	.most = 1,
	.run = run,
};
