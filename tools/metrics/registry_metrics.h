/* SPDX-License-Identifier: MIT */
/*
 * Registries as metrics. Labels: registry, uid, directory, which are one registry; and of some
 * families kind, state or namespace, of which there is a bounded number. Owners and names are no
 * labels.
 *
 * Used by   metrics.c, cluster_metrics.c.
 */
#ifndef TOOLS_METRICS_REGISTRY_METRICS_H
#define TOOLS_METRICS_REGISTRY_METRICS_H

#include "tools/metrics/exposition.h"
#include "tools/metrics/picture.h"

/* Begins a sample with the labels of @registry. */
void registry_metrics_begin(struct exposition *exposition, const struct picture_registry *registry);
void registry_metrics(struct exposition *exposition, const struct picture *picture);

#endif
