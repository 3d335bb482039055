/* SPDX-License-Identifier: MIT */
/*
 * What a bridge and its holder say to one another, a packet each: a request, with the value behind
 * it, and the answer. Both are of one version: a holder refuses a bridge of another one.
 *
 * Used by   shown.c, holder.c.
 */
#ifndef BRIDGE_HOLDER_H
#define BRIDGE_HOLDER_H

#include "bridge/record.h"

enum held { HELD_HELLO, HELD_PUT, HELD_DROP, HELD_COMPARED };

struct held_request {
	char version[16];
	uint32_t what;
	uint32_t uid, pid, is_stale, is_unique;
	uint64_t start, revision;
	char host[KREG_HOST_MAX + 8];
	struct name name;
	uint32_t value_size;
};

struct held_answer {
	int64_t err;
	struct kreg_owner owner;
};

#define HELD_MAX (sizeof(struct held_request) + KREG_VALUE_MAX)

/* Goes on until nobody has needed it for @grace seconds; does not return. */
void holder_run(int listener, const char *registry, uint32_t grace) __attribute__((noreturn));

/* What both do for a PUT. */
int held_put(struct kreg *k, const struct name *name, const void *value, uint32_t value_size,
	     const struct kreg_remote *remote, bool is_unique);

#endif
