/* SPDX-License-Identifier: MIT */
/*
 * The bridges of a registry, as tables for people or as one document of JSON.
 *
 * Used by   cmd_cluster.c.
 */
#ifndef TOOLS_CLUSTER_SHOW_H
#define TOOLS_CLUSTER_SHOW_H

#include "tools/cluster/bridges.h"
#include "tools/cluster/names.h"
#include "tools/out/output.h"

struct cluster_show {
	struct output_form form;
	const char *registry;
	const struct bridges *bridges;
	const struct cluster_names *names; /* NULL: they are not asked for */
};

/* What cannot be read is left to the caller to say. Return: 0, -ENOMEM. */
int cluster_tables(struct cluster_show *shown);
int cluster_document(const struct cluster_show *shown);

#endif
