/* SPDX-License-Identifier: MIT */
/*
 * What services have left in their cgroups, when their supervisor was killed.
 *
 * Context   blocks until they have ended; not while a supervisor of the namespace is starting services.
 * Used by   supervisor_run.c, namespace_stop.c.
 */
#ifndef KREG_LIB_SERVICE_LEFT_H
#define KREG_LIB_SERVICE_LEFT_H

#include "lib/services/start/cgroups.h"
#include "lib/services/tree/supervision.h"

#pragma GCC visibility push(hidden)

/*
 * Kills it, but for services whose names are held, and removes the folders. @what is told. Returns of how many services
 * something was left.
 */
size_t service_left_clear(struct kreg *k, const char *space, const struct cgroups *cgroups,
			  const struct kreg_supervision *what);

#pragma GCC visibility pop

#endif
