/* SPDX-License-Identifier: MIT */
/*
 * Whether an owner has opened this registry. All that a registry's memory says of owners, whoever may write the
 * registry may have written; so this asks others.
 *
 * Promises  0 only if the kernel says so: the guard's memory, or /proc.
 * Needs     nothing; a read-only handle will do.
 * Context   any thread; reads /proc where the guard does not say it, so not for what is to be quick.
 * Used by   owner.c, peer.c, health.c.
 */
#ifndef KREG_LIB_OPENED_H
#define KREG_LIB_OPENED_H

#include "lib/handle/handle.h"

#pragma GCC visibility push(hidden)

/*
 * @pid: what the registry says that the owner's process is; it must stay that process's as long as this runs.
 * -EUCLEAN: it has not opened the registry, or @pid is another one; -EACCES: that is not to be seen from here.
 */
int opened_by(struct kreg *k, owner_t owner, pid_t pid);

/*
 * Whether what @owner holds is not its own child's, so it can only be a watcher whose foster parent is dead
 * (start_watch.h). @pid is the program's, or a stranger's by now. False: it is a foster parent's, or that is not to be seen.
 */
bool opened_by_watcher(const struct kreg *k, owner_t owner, pid_t pid);

#pragma GCC visibility pop

#endif
