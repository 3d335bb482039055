/* SPDX-License-Identifier: MIT */
/*
 * Whether a name is of another host, and of which.
 *
 * Promises  the owner and the host are those of one entry.
 * Context   any thread; it peeks.
 * Used by   remote.c, peer.c, connect.c.
 */
#ifndef KREG_LIB_REMOTE_H
#define KREG_LIB_REMOTE_H

#include "lib/handle/handle.h"

#pragma GCC visibility push(hidden)

/*
 * The owner of @key, as kreg_whereis(). -EREMOTE: it is of another host; errors as kreg_lookup(),
 * which are said for the call @function.
 */
#define remote_refused(k, key, key_size, owner) remote_refused_in(k, key, key_size, owner, __func__)
int remote_refused_in(struct kreg *k, const void *key, size_t key_size, struct kreg_owner *owner,
		      const char *function);

#pragma GCC visibility pop

#endif
