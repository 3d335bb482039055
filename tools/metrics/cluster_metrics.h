/* SPDX-License-Identifier: MIT */
/*
 * Bridges to clusters of hosts as metrics. Labels: those of the registry, and cluster. There is a
 * bounded number of bridges (BRIDGES_MAX); hosts and names are no labels.
 *
 * Used by   metrics.c.
 */
#ifndef TOOLS_METRICS_CLUSTER_METRICS_H
#define TOOLS_METRICS_CLUSTER_METRICS_H

#include "tools/metrics/exposition.h"
#include "tools/metrics/picture.h"

void cluster_metrics(struct exposition *exposition, const struct picture *picture);

#endif
