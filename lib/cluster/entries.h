/* SPDX-License-Identifier: MIT */
/*
 * What processes and the bridge of their host say to one another in the registry about names that are unique
 * in the cluster. Namespaces that begin with a dot never leave the host.
 *
 *   key                            owner      value
 *   .claim/OWNER/NAME              a process  struct claim, and the value that the name is to have
 *   .answer/OWNER/NAME             a bridge   struct answer
 *   .bridge/CLUSTER                a bridge   struct bridge_state
 *   .bridge/CLUSTER/unique         a bridge   patterns of namespaces, each with its NUL
 *
 * OWNER is the token of the process that claims, in 16 hexadecimal digits. An entry ends with its owner, so a bridge
 * that is killed leaves no answer and no time.
 *
 *   entry     who        what                                     killed here
 *   claim     process    registered, as a gift to itself, so      the name is given up
 *                        that the bridge may end it
 *   answer    bridge     one for each claim that is decided,      the answer is absent: the claim is
 *                        withdrawn before etcd's key is deleted   open, for the next bridge
 *                        and before the lease is given up
 *   state     bridge     replaced whenever etcd has kept the      as above
 *                        lease alive
 *
 * A process that may write the registry can write these too: the mode of its file says who that is.
 *
 * Used by   lib/cluster/; bridge/.
 */
#ifndef KREG_CLUSTER_ENTRIES_H
#define KREG_CLUSTER_ENTRIES_H

#include <string.h>
#include <sys/stat.h>

#include "lib/kreg.h"

#define CLAIM_PREFIX ".claim/"
#define ANSWER_PREFIX ".answer/"
#define BRIDGE_PREFIX ".bridge/"
#define BRIDGE_SPACES "/unique"

#define OWNER_DIGITS 16

_Static_assert(KREG_CLUSTER_KEY_MAX + sizeof(ANSWER_PREFIX) + OWNER_DIGITS <= KREG_KEY_MAX,
	       "a claim and its answer are keys");

struct claim {
	/* Which claim of the process, as the answer repeats; later ones of a host are larger. */
	uint64_t serial;
	uint32_t flags; /* KREG_CLUSTER_STANDBY */
	uint32_t reserved;
};

struct answer {
	uint64_t serial;
	/* 0: the claim has won, with @token; otherwise a negative errno, and it is over. */
	int64_t error;
	uint64_t token;
	uint64_t lease;
	/* The process that has the name. */
	uint64_t start;
	uint32_t pid, uid;
	char host[KREG_HOST_MAX + 8];
	/* Of the bridge. */
	char cluster[KREG_HOST_MAX + 8];
};

struct bridge_state {
	/* etcd keeps @lease at least until then, in nanoseconds of CLOCK_BOOTTIME. */
	uint64_t lease, until;
	/* The time namespace in which that is. */
	uint64_t time_space;
	char host[KREG_HOST_MAX + 8];
};

struct entry_key {
	char bytes[KREG_KEY_MAX];
	size_t size;
};

static inline void entry_key_of(struct entry_key *out, const char *prefix, uint64_t owner,
				const void *key, size_t key_size)
{
	static const char digits[] = "0123456789abcdef";
	size_t size = strlen(prefix);
	int i;

	memcpy(out->bytes, prefix, size);
	for (i = OWNER_DIGITS - 1; i >= 0; i--)
		out->bytes[size++] = digits[owner >> (4 * i) & 15];
	out->bytes[size++] = '/';
	memcpy(out->bytes + size, key, key_size);
	out->size = size + key_size;
}

/* CLOCK_BOOTTIME of another time namespace is another one. */
static inline uint64_t time_space(void)
{
	struct stat stat;

	return fstatat(-1, "/proc/self/ns/time", &stat, 0) ? 0 : stat.st_ino;
}

#endif
