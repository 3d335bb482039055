/* SPDX-License-Identifier: MIT */
/*
 * Whether an owner has opened this registry. Any process that may write the registry can
 * forge what its memory says of owners, so this asks the kernel.
 *
 * Promises  0 only if the kernel says so: the guard's memory, or /proc.
 * Needs     nothing; a read-only handle suffices.
 * Context   any thread; may read /proc, so not for fast paths.
 * Used by   owner.c, connect.c, dumps.c, health.c.
 */
#ifndef KREG_LIB_OPENED_H
#define KREG_LIB_OPENED_H

#include "lib/handle/handle.h"

#pragma GCC visibility push(hidden)

/*
 * @pid: the owner's process according to the registry; it must not be reused while this
 * runs. -EUCLEAN: it has not opened the registry, or @pid is another process; -EACCES:
 * that is not visible from here.
 */
int opened_by(struct kreg *k, owner_t owner, pid_t pid);

/*
 * Whether @owner holds the name of a program that is not its own child. Then it can only
 * be a watcher whose foster parent is dead (start_watch.h), and @pid is the program's, or
 * another process's by now. False: @owner is a foster parent, or that is not visible from
 * here.
 */
bool opened_by_watcher(const struct kreg *k, owner_t owner, pid_t pid);

#pragma GCC visibility pop

#endif
