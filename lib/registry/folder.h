/* SPDX-License-Identifier: MIT */
/*
 * The folder that a registry's file is in.
 *
 * Promises  processes of one host that are given no folder choose the same, in whatever
 *           order they come.
 * Needs     nothing.
 * Context   the file system.
 * Used by   options.c, open.c, registries.c.
 */
#ifndef KREG_LIB_FOLDER_H
#define KREG_LIB_FOLDER_H

#include "lib/registry/options.h"

#pragma GCC visibility push(hidden)

/* Has a folder for each user, by its number, if root has made it; see folder.c. */
#define FOLDER_RUN "/run/kreg"
#define FOLDER_SHM "/dev/shm"

/*
 * @given: the folder that the caller asks for, or NULL. Sets o->base and
 * o->path.directory, by o->path.owner and file.
 */
void folder_choose(struct opening *o, const char *given);

/*
 * Creates the folder before a file is created in it. -EPERM: another user has made it;
 * errors of mkdir(2).
 */
int folder_make(const struct opening *o);

#pragma GCC visibility pop

#endif
