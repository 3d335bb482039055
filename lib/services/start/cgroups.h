/* SPDX-License-Identifier: MIT */
/*
 * Cgroups for the services of one namespace, below the cgroup of the process.
 *
 *   OWN/kreg-HASH-NAMESPACE/@ROLE     HASH: which registry
 *
 * Promises  nothing is made but where the kernel says that it is a cgroup2 file system.
 * Needs     cgroup2 mounted, and the right to write there: root, or a cgroup that was delegated. Otherwise there are none,
 *           which is no error.
 * Context   one thread for each struct cgroups.
 * Death     leaves the folders, which the minders of their services remove when those are empty (start_minder.c); whoever
 *           supervises the namespace next from the same cgroup finds what is left.
 * Used by   supervisor_start.c, supervisor_run.c, service_group.c, start_minder.c: there without memory to allocate.
 */
#ifndef KREG_LIB_CGROUPS_H
#define KREG_LIB_CGROUPS_H

#include <stdbool.h>

#include "lib/inner.h"

#pragma GCC visibility push(hidden)

struct cgroups {
	int own; /* the process's own folder; -1: there are no cgroups to be had */
	int all; /* the namespace's */
	char name[256];
};

void cgroups_open(struct cgroups *out, const struct origin *origin, const char *space);
/* Removes the namespace's folder if it is empty. */
void cgroups_close(struct cgroups *cgroups);

/* The name of one service's folder. */
#define CGROUPS_FOLDER_BYTES 256
void cgroups_folder(char *out, const char *role);

/* The folder of one service, made if it is not there; -1: there is none. */
int cgroups_enter(const struct cgroups *cgroups, const char *role);
/*
 * The same of one that is @owner, if it is in that folder; also where a supervisor in another cgroup than this process's
 * has made it. -1: it is in none, or is dead.
 */
int cgroups_find(const struct cgroups *cgroups, const char *role, struct kreg *k,
		 const struct kreg_owner *owner);
/* @folder, of @role, which has no processes; with what the service has made below it. */
void cgroups_remove(int folder, const char *role);

/* The roles that have a folder. */
int cgroups_each(const struct cgroups *cgroups, int (*visit)(const char *role, void *data),
		 void *data);

/* Whether there are processes in @folder or below; -errno. */
int cgroups_are_populated(int folder);
/* An fd for poll(2): POLLPRI tells that this may have changed since cgroups_are_populated(). -errno. */
int cgroups_events(int folder);
/* SIGKILL for all in it and below, at once. False: the kernel does not know how (before 5.14), or may not. */
bool cgroups_kill(int folder);

#pragma GCC visibility pop

#endif
