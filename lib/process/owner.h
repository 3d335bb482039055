/* SPDX-License-Identifier: MIT */
/*
 * Pidfds of owners, and how they ended.
 *
 * Promises  a pidfd refers to that owner, or an error is returned; a process that is
 *           signalled or described has opened the registry (opened.h).
 * Needs     nothing; a read-only handle suffices.
 * Context   any thread.
 * Used by   owner.c, peer.c, deaths.c, starter.c, mirror_store.c.
 */
#ifndef KREG_LIB_OWNER_H
#define KREG_LIB_OWNER_H

#include "lib/handle/handle.h"

#pragma GCC visibility push(hidden)

/*
 * A pidfd for the end of @owner, opened or not: for waiters, which neither report the
 * owner nor do anything to the process.
 */
int owner_pidfd_for_end(struct kreg *k, const struct kreg_owner *owner);

/* As kreg_owner_pidfd(). -EUCLEAN: it has not opened the registry. */
int owner_pidfd_for_caller(struct kreg *k, const struct kreg_owner *owner);

/*
 * As kreg_owner_pidfd(), but of the program if a foster parent or watcher holds its name,
 * because that cannot pass SIGSTOP on. It is not a notification of the end of the owner's
 * life. -EUCLEAN: it has not opened the registry; -EACCES: that is not visible from here.
 */
int owner_pidfd_for_signals(struct kreg *k, const struct kreg_owner *owner);

/* As kreg_owner_end(), of an owner that was seen dead. */
struct kreg_end owner_end(struct kreg *k, owner_t owner);

#pragma GCC visibility pop

#endif
