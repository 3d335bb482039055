/* SPDX-License-Identifier: MIT */
/*
 * The names that bridges export and import: each entry of the registry is looked at once.
 *
 * Used by   cmd_cluster.c, show.c.
 */
#ifndef TOOLS_CLUSTER_NAMES_H
#define TOOLS_CLUSTER_NAMES_H

#include "tools/cluster/bridges.h"

enum cluster_name_kind {
	CLUSTER_EXPORTED,
	CLUSTER_IMPORTED,
	CLUSTER_STALE, /* imported, and the bridge is not in touch with its host */
};

struct cluster_name {
	const struct bridge *bridge;
	enum cluster_name_kind kind;
	char host[KREG_HOST_MAX + 1]; /* of an imported one */
	size_t key_size;
	unsigned char key[KREG_KEY_MAX];
};

struct cluster_names {
	struct cluster_name *list; /* by bridge, then by key */
	size_t count, room;
};

/* Return: 0, -ENOMEM, an error of kreg_select(). In any case cluster_names_free() is due. */
int cluster_names_read(struct cluster_names *names, struct kreg *k, const struct bridges *bridges);
void cluster_names_free(struct cluster_names *names);

/* "exported", "imported", "stale". */
const char *cluster_name_kind(enum cluster_name_kind kind);

#endif
