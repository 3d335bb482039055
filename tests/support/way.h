/* SPDX-License-Identifier: MIT */
/*
 * Both ways in which a supervisor knows what its services have started: by a cgroup for each, or by their sessions.
 */
#ifndef KREG_TESTS_SUPPORT_WAY_H
#define KREG_TESTS_SUPPORT_WAY_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/kreg.h"

#define WAYS 2

/* What to supervise with, in a process that gets its orphans, as process 1 does: SIGCHLD is blocked from now on. */
uint32_t way_begin(int way);

/* Whether there is a cgroup of that service of production's. */
bool way_has_folder(const struct kreg *k, const char *role);

#endif
