/* SPDX-License-Identifier: MIT */
/*
 * The minder: a process beside each supervised service, which ends what the service has
 * started when no supervisor does.
 *
 * Promises  when the service's own process has ended and there is no supervisor, what is
 *           left in its cgroup, or without one in its session, is killed; a service that
 *           is to die with its supervisor is killed first.
 * Needs     to be called in the child that is the service, or leads its session; all
 *           signals blocked.
 * Context   as start_child.h.
 * Used by   start_child.c.
 */
#ifndef KREG_LIB_START_MINDER_H
#define KREG_LIB_START_MINDER_H

#include "lib/services/start/start_child.h"

#pragma GCC visibility push(hidden)

/* As ps(1) shows it: it is in the session of the service, but not one of its processes. */
#define MINDER_COMM "kreg-minder"

/* 0, or a negative errno; -ESRCH: the starter is dead. */
int start_minder(const struct start_plan *plan);

#pragma GCC visibility pop

#endif
