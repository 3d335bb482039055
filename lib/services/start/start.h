/* SPDX-License-Identifier: MIT */
/*
 * Starts a service for a supervisor, which may have to cancel the start, and receives the
 * service's messages afterwards.
 *
 * Promises  as kreg_service_start(); after -ECANCELED nothing is left of the program.
 * Context   as kreg_service_start().
 * Used by   ward.c, supervisor_start.c.
 */
#ifndef KREG_LIB_START_H
#define KREG_LIB_START_H

#include "lib/kreg-services.h"

#pragma GCC visibility push(hidden)

struct cgroups;
struct hearer;

/* A supervisor's part in one start. */
struct start_within {
	int stop;   /* an fd, readable when the start has to be cancelled: -ECANCELED; -1: never */
	int cgroup; /* the folder for the program; -1: none */
	const struct cgroups *cgroups; /* the parent of that folder; its name there is @folder */
	const char *folder;
	const char *sign;       /* of the supervisor, see supervisor.h; NULL: none */
	struct hearer **hearer; /* the supervisor's */
};

/*
 * @program: at 0, the service, which the hearer of @within has from here on; for
 * kreg_program_close().
 */
int start_service(struct kreg *k, const char *space, const char *role, const struct kreg_start *how,
		  struct kreg_started *started, const struct start_within *within,
		  struct kreg_program **program);

/*
 * Receives the messages of @owner, which an earlier supervisor has started as the
 * service. *program: NULL if it sends none. -ESRCH; -EADDRINUSE: another process has the
 * name of its socket.
 */
int start_hear_found(struct kreg *k, const char *space, const char *role,
		     const struct kreg_start *how, const struct kreg_owner *owner,
		     struct hearer **hearer, struct kreg_program **program);

#pragma GCC visibility pop

#endif
