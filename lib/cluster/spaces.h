/* SPDX-License-Identifier: MIT */
/*
 * Which bridge of this host serves a namespace.
 *
 * Context   any thread, a read-only handle.
 * Used by   lib/cluster/.
 */
#ifndef KREG_CLUSTER_SPACES_H
#define KREG_CLUSTER_SPACES_H

#include "lib/cluster/entries.h"

#pragma GCC visibility push(hidden)

/* The key of the state of that bridge. -ENOENT: none does; an error of kreg_each(). */
int spaces_bridge(struct kreg *k, const void *key, size_t key_size, struct entry_key *out);

/* Of a key that is NAMESPACE/ROLE the size of NAMESPACE; 0: it is none that could be unique. */
size_t spaces_of(const void *key, size_t key_size);

#pragma GCC visibility pop

#endif
