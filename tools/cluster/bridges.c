/* SPDX-License-Identifier: MIT */
#include "tools/cluster/bridges.h"

#include <errno.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/boot_time.h"
#include "tools/cluster/value.h"

/* Without a lease for so long after its start, a bridge has not just begun. */
#define BEGINS_MS 5000

/* So many names of an owner are looked at, to see whether it has any of other hosts. */
#define TRIES 64

/* What a visitor returns when it has seen enough. */
#define ENOUGH 1

struct visit {
	struct bridges *bridges;
	struct kreg *k;
	const char *only;
};

static bool is_of_host(struct kreg *k, const char *cluster)
{
	char key[KREG_KEY_MAX + 1];
	int size = snprintf(key, sizeof(key), BRIDGES_SPACE "/%s", cluster);

	return kreg_remote_host(k, key, (size_t)size, NULL) <= 0;
}

/* A field of the value, which says who has written it, beside what the registry says. */
static void check_owner(struct kreg *k, struct bridge *bridge)
{
	if (!*bridge->wrong && bridge->pid != (uint64_t)bridge->owner.pid)
		snprintf(bridge->wrong, sizeof(bridge->wrong),
			 "it is of pid %llu, and was registered by another process",
			 (unsigned long long)bridge->pid);
	else if (!is_of_host(k, bridge->cluster))
		snprintf(bridge->wrong, sizeof(bridge->wrong),
			 "it is registered as a name of another host, which no bridge does");
}

static int visit(const struct kreg_service *service, void *data)
{
	struct visit *visit = data;
	struct bridges *bridges = visit->bridges;
	struct bridge *bridge;
	int err;

	if (visit->only && strcmp(visit->only, service->role) != 0)
		return 0;
	if (bridges->count == BRIDGES_MAX) {
		bridges->left_out++;
		return 0;
	}
	bridge = &bridges->list[bridges->count++];
	*bridge = (struct bridge){ .owner = service->owner };
	snprintf(bridge->cluster, sizeof(bridge->cluster), "%s", service->role);
	err = bridge_read(bridge, service->value, service->value_size);
	if (!err)
		check_owner(visit->k, bridge);
	return err;
}

static int by_cluster(const void *a, const void *b)
{
	return strcmp(((const struct bridge *)a)->cluster, ((const struct bridge *)b)->cluster);
}

int bridges_read(struct bridges *bridges, struct kreg *k, const char *only)
{
	struct visit all = { .bridges = bridges, .k = k, .only = only };
	KREG_STRUCT(kreg_stat, stat, .life = 0);
	int err;

	*bridges = (struct bridges){ .list = calloc(BRIDGES_MAX, sizeof(struct bridge)) };
	if (!bridges->list)
		return -ENOMEM;
	err = kreg_stat(k, &stat);
	if (!err && stat.keys == KREG_KEYS_UNIQUE)
		err = kreg_service_each(k, BRIDGES_SPACE, visit, &all);
	/* After what is compared with it. */
	bridges->now = boot_time();
	qsort(bridges->list, bridges->count, sizeof(struct bridge), by_cluster);
	return err;
}

void bridges_free(struct bridges *bridges)
{
	size_t i;

	for (i = 0; i < bridges->count; i++)
		bridge_free(&bridges->list[i]);
	free(bridges->list);
	*bridges = (struct bridges){ 0 };
}

uint64_t bridge_ago(uint64_t at, uint64_t now)
{
	return at && at < now ? (now - at) / 1000000 : 0;
}

uint64_t bridge_left(uint64_t at, uint64_t now)
{
	return at > now ? (at - now) / 1000000 : 0;
}

enum bridge_touch bridge_touch(const struct bridge *bridge, uint64_t now)
{
	if (bridge->lease && bridge->lease_until > now)
		return strcmp(bridge->session, "ready") ? BRIDGE_BUSY : BRIDGE_IN_TOUCH;
	return !bridge->touch && bridge_ago(bridge->began, now) < BEGINS_MS ? BRIDGE_BEGINS
									    : BRIDGE_CUT_OFF;
}

const char *bridge_touch_name(enum bridge_touch touch)
{
	static const char *const names[] = {
		[BRIDGE_IN_TOUCH] = "in-touch",
		[BRIDGE_BEGINS] = "begins",
		[BRIDGE_BUSY] = "busy",
		[BRIDGE_CUT_OFF] = "cut-off",
	};

	return names[touch];
}

bool bridge_exports(const struct bridge *bridge, const void *key, size_t key_size)
{
	const struct bridge_pattern *patterns = bridge->exports.items;
	const char *slash = memchr(key, '/', key_size);
	size_t size = slash ? (size_t)(slash - (const char *)key) : 0, i;
	char space[KREG_KEY_MAX + 1];

	if (!size || size > KREG_KEY_MAX || *(const char *)key == '.' || memchr(key, 0, size) ||
	    size + 1 == key_size)
		return false;
	memcpy(space, key, size);
	space[size] = '\0';
	for (i = 0; i < bridge->exports.count; i++) {
		if (!fnmatch(patterns[i].text, space, 0))
			return true;
	}
	return false;
}

struct stale {
	struct kreg *k;
	uint64_t count;
	int tries;
};

static int count_stale(const struct kreg_entry *entry, void *data)
{
	KREG_REMOTE(remote, .pid = 0);
	struct stale *stale = data;

	/* Bridges and holders register names of other hosts so. */
	if (!(entry->flags & KREG_REGISTER_REPLACEABLE) || entry->position)
		return 0;
	if (kreg_remote_host(stale->k, entry->key, entry->key_size, &remote) > 0 &&
	    remote.flags & KREG_REMOTE_STALE)
		stale->count++;
	else if (!stale->count && ++stale->tries == TRIES)
		return ENOUGH;
	return 0;
}

uint64_t bridges_stale_names(struct kreg *k, const struct kreg_owner *owner)
{
	struct stale stale = { .k = k };

	kreg_each_of_owner(k, owner, count_stale, &stale);
	return stale.count;
}
