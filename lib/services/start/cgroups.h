/* SPDX-License-Identifier: MIT */
/*
 * Cgroups for the services of one namespace, below the cgroup of the process.
 *
 *   OWN/kreg-HASH-NAMESPACE/@ROLE     HASH: of the registry
 *
 * Promises  folders are made only in what the kernel says is a cgroup2 file system.
 * Needs     cgroup2 mounted, and the right to write there: root, or a delegated cgroup.
 *           Otherwise there are no cgroups, which is not an error.
 * Context   one thread for each struct cgroups.
 * Death     leaves the folders. The minders of their services remove them when they are empty
 *           (start_minder.c); the next supervisor of the namespace in the same cgroup finds what
 *           is left.
 * Used by   supervisor_start.c, supervisor_run.c, service_group.c, start_minder.c, which
 *           must not allocate memory.
 */
#ifndef KREG_LIB_CGROUPS_H
#define KREG_LIB_CGROUPS_H

#include <stdbool.h>

#include "lib/inner.h"

#pragma GCC visibility push(hidden)

struct cgroups {
	int own; /* the process's own folder; -1: no cgroups are available */
	int all; /* the namespace's folder */
	char name[256];
};

void cgroups_open(struct cgroups *out, const struct origin *origin, const char *space);
/* Removes the namespace's folder if it is empty. */
void cgroups_close(struct cgroups *cgroups);

/* The name of one service's folder. */
#define CGROUPS_FOLDER_BYTES 256
void cgroups_folder(char *out, const char *role);

/* Opens the folder of one service, and makes it if it does not exist. -1: there is none. */
int cgroups_enter(const struct cgroups *cgroups, const char *role);
/*
 * The same for a service that is @owner, if it is in that folder, even where a supervisor
 * in another cgroup made the folder. -1: it is in none, or is dead.
 */
int cgroups_find(const struct cgroups *cgroups, const char *role, struct kreg *k,
		 const struct kreg_owner *owner);
/*
 * Removes @folder, of @role, which has no processes, and the folders that the service has
 * made below it.
 */
void cgroups_remove(int folder, const char *role);

/* Visits the roles that have a folder. */
int cgroups_each(const struct cgroups *cgroups, int (*visit)(const char *role, void *data),
		 void *data);

/* Whether there are processes in @folder or below; -errno. */
int cgroups_are_populated(int folder);
/*
 * An fd for poll(2): POLLPRI says that this may have changed since
 * cgroups_are_populated(). -errno.
 */
int cgroups_events(int folder);
/*
 * Sends SIGKILL to all processes in it and below, atomically. False: the kernel is too
 * old (before 5.14) or refuses.
 */
bool cgroups_kill(int folder);

#pragma GCC visibility pop

#endif
