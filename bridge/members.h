/* SPDX-License-Identifier: MIT */
/*
 * The hosts of the cluster, as their bridges say it in `.members/HOST`.
 *
 * Promises  what others have written there is bounded: so many members, and so much of each.
 * Context   one thread.
 */
#ifndef BRIDGE_MEMBERS_H
#define BRIDGE_MEMBERS_H

#include <jansson.h>
#include "lib/kreg.h"
#include <stdbool.h>
#include <stdint.h>

#define MEMBERS_MAX 10000

/* With the NUL. */
#define MEMBER_VERSION_MAX 24
#define MEMBER_BOOT_MAX 40
#define MEMBER_REGISTRY_MAX (KREG_NAME_MAX + 16)

struct bridge;

struct member {
	char host[KREG_HOST_MAX + 1];
	char version[MEMBER_VERSION_MAX]; /* of its bridge */
	char boot[MEMBER_BOOT_MAX];
	char registry[MEMBER_REGISTRY_MAX];
	uint32_t pid;       /* 0: not known */
	uint64_t pid_space; /* 0: not known */
	uint64_t lease;
	uint64_t seen; /* the snapshot that has had it last */
};

struct members {
	void *by_host; /* of tsearch(3) */
	uint32_t count;
	uint64_t changes; /* how often one has come, changed or gone */
};

/*
 * All but the host and @seen, of a pair of key and value of etcd. Text is cut, and what of it is not
 * printable ASCII is '?'. False: the value is no member's.
 */
bool member_read(struct member *out, const json_t *kv);

/* The key behind the prefix begins with a dot: if it is a member's, it is there or has gone. */
void members_take(struct bridge *b, const char *rest, size_t size, const json_t *kv, bool is_there);
/* Behind a snapshot: those that it does not have have gone. */
void members_compare(struct bridge *b);
/* The first @most by the order of their hosts. Returns how many there are in @out. */
uint32_t members_list(const struct members *members, const struct member **out, uint32_t most);
void members_free(struct members *members);

#endif
