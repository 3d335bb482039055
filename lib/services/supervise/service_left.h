/* SPDX-License-Identifier: MIT */
/*
 * Cleans up the cgroups of services after their supervisor was killed.
 *
 * Context   blocks until the processes in them have ended; not while a supervisor of the
 *           namespace is starting services.
 * Used by   supervisor_run.c, namespace_stop.c.
 */
#ifndef KREG_LIB_SERVICE_LEFT_H
#define KREG_LIB_SERVICE_LEFT_H

#include "lib/services/start/cgroups.h"
#include "lib/services/tree/supervision.h"

#pragma GCC visibility push(hidden)

/*
 * Kills all processes in the cgroups of services whose names are not held, removes those
 * cgroups, and reports to the log of @what. Returns the number of services that had left
 * something.
 */
size_t service_left_clear(struct kreg *k, const char *space, const struct cgroups *cgroups,
			  const struct kreg_supervision *what);

/* The same for one service, unless its name is held. */
void service_left_clear_role(struct kreg *k, const char *space, const struct cgroups *cgroups,
			     const char *role);

#pragma GCC visibility pop

#endif
