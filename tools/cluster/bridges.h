/* SPDX-License-Identifier: MIT */
/*
 * The bridges of a registry to clusters of hosts, as each says it in its entry .cluster/CLUSTER, see
 * kreg-etcd(8).
 *
 * Any process that may write the registry can register such an entry. So a value is only taken if
 * all of its fields are there, of their type, in their range, and if it is of the process that has
 * registered it; otherwise a sentence says what is wrong with it.
 *
 * Promises  what is kept is bounded, whatever is registered.
 * Used by   cmd_cluster.c, doctor/cluster.c, metrics/picture.c, metrics/cluster_metrics.c.
 */
#ifndef TOOLS_CLUSTER_BRIDGES_H
#define TOOLS_CLUSTER_BRIDGES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/kreg-services.h"

#define BRIDGES_SPACE ".cluster"

/* The form of the value that is read. */
#define BRIDGES_FORMAT 1

/* Of more entries than these the number is known. */
#define BRIDGES_MAX 64

#define BRIDGE_MEMBERS_MAX 64
#define BRIDGE_CONFLICTS_MAX 8
#define BRIDGE_PATTERNS_MAX 64

struct bridge_member {
	char host[KREG_HOST_MAX + 1];
	char version[24], boot[40];
	char registry[KREG_NAME_MAX + 16];
	uint64_t pid, lease;
};

struct bridge_conflict {
	char name[1024]; /* with \xNN for what is not printable */
	char host[KREG_HOST_MAX + 1];
};

struct bridge_pattern {
	char text[1025];
};

/* A list of the value: what is in it of a bounded number. */
struct bridge_list {
	void *items; /* struct bridge_member, bridge_conflict or bridge_pattern */
	size_t count;
	bool is_cut; /* patterns: they are not known */
};

struct bridge {
	char cluster[KREG_ROLE_MAX + 1];
	struct kreg_owner owner;
	char wrong[256];      /* "": what follows is known; has no text of the value */
	bool is_other_format; /* that is wrong, and nothing else may be */

	char version[24], host[KREG_HOST_MAX + 1], registry[KREG_NAME_MAX + 16];
	char endpoint[256], session[16], others[16], error[512];
	uint64_t pid, names_pid; /* its own, and that of the owner of other hosts' names */
	uint64_t endpoints, lease, ttl, grace, revision;
	uint64_t exported, imported, known, most, conflicts, members, waiting;
	uint64_t writes, events, restores, failures, refused, wrong_keys, left_out;
	/* Times of CLOCK_BOOTTIME in nanoseconds; 0: never, or none. */
	uint64_t began, written, session_since, lease_until, touch, waiting_since, error_at;
	struct bridge_list member_list, conflict_list, exports, imports;
};

struct bridges {
	struct bridge *list; /* in alphabetical order of clusters */
	size_t count;
	uint64_t left_out; /* beyond BRIDGES_MAX */
	uint64_t now;      /* CLOCK_BOOTTIME when they were read */
};

/*
 * A registry with duplicate keys has none. @only: a cluster; NULL: all. Return: 0, -ENOMEM, an error
 * of kreg_stat() or kreg_service_each(). In any case bridges_free() is due.
 */
int bridges_read(struct bridges *bridges, struct kreg *k, const char *only);
void bridges_free(struct bridges *bridges);

enum bridge_touch {
	BRIDGE_IN_TOUCH, /* other hosts have what is exported, and all of theirs is known */
	BRIDGE_BEGINS,   /* it was started a moment ago, and has no lease yet */
	BRIDGE_BUSY,     /* its lease is kept; it reads, or turns to another member of etcd */
	BRIDGE_CUT_OFF,  /* its lease is over: no other host has a name of this one */
};

enum bridge_touch bridge_touch(const struct bridge *bridge, uint64_t now);
/* "in-touch" and so on. */
const char *bridge_touch_name(enum bridge_touch touch);

/* Milliseconds since @at, and until @at; 0 if that is over, or not begun. */
uint64_t bridge_ago(uint64_t at, uint64_t now);
uint64_t bridge_left(uint64_t at, uint64_t now);

/* Whether the namespace of @key is one that the bridge exports. */
bool bridge_exports(const struct bridge *bridge, const void *key, size_t key_size);

/*
 * Names of other hosts that @owner keeps although no bridge is in touch with them, as a holder does
 * for a while. Return: how many; 0 also if it cannot be read.
 */
uint64_t bridges_stale_names(struct kreg *k, const struct kreg_owner *owner);

#endif
