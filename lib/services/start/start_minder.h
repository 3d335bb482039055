/* SPDX-License-Identifier: MIT */
/*
 * The minder: a process beside each supervised service, which ends what the service has started when nobody else does.
 *
 * Promises  when the service's own process has ended and nobody supervises it, what is left in its cgroup, or where it
 *           has none in its session, is killed; a service that is to die with its supervisor is killed first.
 * Needs     to be called in the child that is, or leads the session of, the service; all signals blocked.
 * Context   as start_child.h.
 * Used by   start_child.c.
 */
#ifndef KREG_LIB_START_MINDER_H
#define KREG_LIB_START_MINDER_H

#include "lib/services/start/start_child.h"

#pragma GCC visibility push(hidden)

/* As ps(1) shows it: it is in the session of the service, and none of its processes. */
#define MINDER_COMM "kreg-minder"

/* 0, or a negative errno; -ESRCH: the starter is dead. */
int start_minder(const struct start_plan *plan);

#pragma GCC visibility pop

#endif
