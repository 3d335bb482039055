/* SPDX-License-Identifier: MIT */
#include "tools/cluster/names.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct visit {
	struct cluster_names *names;
	const struct bridges *bridges;
	struct kreg *k;
};

/* NULL: no memory. */
static struct cluster_name *add(struct cluster_names *names)
{
	size_t room = names->room ? 2 * names->room : 64;
	struct cluster_name *list = names->list;

	if (names->count == names->room) {
		list = realloc(list, room * sizeof(*list));
		if (!list)
			return NULL;
		names->list = list;
		names->room = room;
	}
	return &list[names->count++];
}

static int take(struct visit *visit, const struct bridge *bridge, const struct kreg_entry *entry,
		const struct kreg_remote *remote)
{
	struct cluster_name *name = add(visit->names);

	if (!name)
		return -ENOMEM;
	*name = (struct cluster_name){ .bridge = bridge, .key_size = entry->key_size };
	memcpy(name->key, entry->key, entry->key_size);
	if (!remote)
		return 0;
	name->kind = remote->flags & KREG_REMOTE_STALE ? CLUSTER_STALE : CLUSTER_IMPORTED;
	snprintf(name->host, sizeof(name->host), "%.*s", KREG_HOST_MAX, remote->host);
	return 0;
}

static int visit_entry(const struct kreg_entry *entry, void *data)
{
	KREG_REMOTE(remote, .pid = 0);
	struct visit *visit = data;
	bool is_remote;
	int err = 0;
	size_t i;

	/* One that waits in line is not the name. */
	if (entry->position)
		return 0;
	is_remote = kreg_remote_host(visit->k, entry->key, entry->key_size, &remote) > 0;
	for (i = 0; i < visit->bridges->count && !err; i++) {
		const struct bridge *bridge = &visit->bridges->list[i];

		if (*bridge->wrong)
			continue;
		if (is_remote && bridge->names_pid == (uint64_t)entry->owner.pid)
			err = take(visit, bridge, entry, &remote);
		else if (!is_remote && bridge_exports(bridge, entry->key, entry->key_size))
			err = take(visit, bridge, entry, NULL);
	}
	return err;
}

static int by_bridge(const void *a, const void *b)
{
	const struct cluster_name *one = a, *other = b;
	size_t size = one->key_size < other->key_size ? one->key_size : other->key_size;
	int order;

	if (one->bridge != other->bridge)
		return one->bridge < other->bridge ? -1 : 1;
	order = memcmp(one->key, other->key, size);
	if (order || one->key_size == other->key_size)
		return order;
	return one->key_size < other->key_size ? -1 : 1;
}

int cluster_names_read(struct cluster_names *names, struct kreg *k, const struct bridges *bridges)
{
	struct visit visit = { .names = names, .bridges = bridges, .k = k };
	int err = kreg_select(k, NULL, visit_entry, &visit);

	if (names->count)
		qsort(names->list, names->count, sizeof(*names->list), by_bridge);
	return err;
}

void cluster_names_free(struct cluster_names *names)
{
	free(names->list);
	*names = (struct cluster_names){ 0 };
}

const char *cluster_name_kind(enum cluster_name_kind kind)
{
	static const char *const words[] = {
		[CLUSTER_EXPORTED] = "exported",
		[CLUSTER_IMPORTED] = "imported",
		[CLUSTER_STALE] = "stale",
	};

	return words[kind];
}
