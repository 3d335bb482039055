/* SPDX-License-Identifier: MIT */
/*
 * The guard as metrics. It takes no seat, and no rights: what only root may know is left out.
 *
 * Used by   metrics.c.
 */
#ifndef TOOLS_METRICS_GUARD_METRICS_H
#define TOOLS_METRICS_GUARD_METRICS_H

#include "tools/metrics/exposition.h"

void guard_metrics(struct exposition *exposition);

#endif
