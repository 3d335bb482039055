/* SPDX-License-Identifier: MIT */
/*
 * What is known of an owner.
 *
 * Promises  what is told is of that owner, or an error is returned; what is signalled or described has opened the
 *           registry (opened.h).
 * Needs     nothing; a read-only handle will do.
 * Context   any thread.
 * Used by   owner.c, peer.c, health.c, start_run.c, ward.c.
 */
#ifndef KREG_LIB_OWNER_H
#define KREG_LIB_OWNER_H

#include "lib/handle/handle.h"

#pragma GCC visibility push(hidden)

/*
 * A pidfd for the end of @owner, whoever that is: for who waits, who neither tells anybody of it nor does anything
 * to the process.
 */
int owner_pidfd_for_end(struct kreg *k, const struct kreg_owner *owner);

/* As kreg_owner_pidfd(). -EUCLEAN: it has not opened the registry. */
int owner_pidfd_for_caller(struct kreg *k, const struct kreg_owner *owner);

/*
 * As kreg_owner_pidfd(), of the program where a process in between holds its name: that one cannot pass SIGSTOP
 * on. It does not say when the owner's life is over. -EUCLEAN: it has not opened the registry; -EACCES: that is not
 * to be seen.
 */
int owner_pidfd_for_signals(struct kreg *k, const struct kreg_owner *owner);

#pragma GCC visibility pop

#endif
