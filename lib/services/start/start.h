/* SPDX-License-Identifier: MIT */
/*
 * Starting a service, for a supervisor: it may have to give it up before it is ready, and hears it afterwards.
 *
 * Promises  as kreg_service_start(); and at -ECANCELED nothing is left of the program.
 * Context   as kreg_service_start().
 * Used by   ward.c, supervisor_start.c.
 */
#ifndef KREG_LIB_START_H
#define KREG_LIB_START_H

#include "lib/kreg-services.h"

#pragma GCC visibility push(hidden)

struct cgroups;
struct hearer;

/* What a supervisor has to do with one start. */
struct start_within {
	int stop;   /* an fd, readable when it is to be given up: -ECANCELED; -1: never */
	int cgroup; /* the folder that the program is to be in; -1: none */
	const struct cgroups *cgroups; /* where that folder is, and its name there */
	const char *folder;
	const char *sign; /* that a supervisor has out, see supervisor.h; NULL: there is none */
	struct hearer **hearer; /* the supervisor's */
};

/* @program: at 0, the service, which @within's hearer hears from here on; for kreg_program_close(). */
int start_service(struct kreg *k, const char *space, const char *role, const struct kreg_start *how,
		  struct kreg_started *started, const struct start_within *within,
		  struct kreg_program **program);

/*
 * Hears @owner, whom an earlier supervisor has started as the service, as if we had. *program: NULL if it says nothing.
 * -ESRCH; -EADDRINUSE: the name of its socket is another process's.
 */
int start_hear_found(struct kreg *k, const char *space, const char *role,
		     const struct kreg_start *how, const struct kreg_owner *owner,
		     struct hearer **hearer, struct kreg_program **program);

#pragma GCC visibility pop

#endif
