/* SPDX-License-Identifier: MIT */
/*
 * The value of a bridge's entry, read.
 *
 * Used by   bridges.c.
 */
#ifndef TOOLS_CLUSTER_VALUE_H
#define TOOLS_CLUSTER_VALUE_H

#include "tools/cluster/bridges.h"

/*
 * Fills @bridge from @value, or its @wrong. Return: 0, also if it is wrong; -ENOMEM. In any case
 * bridge_free() is due.
 */
int bridge_read(struct bridge *bridge, const void *value, size_t size);
void bridge_free(struct bridge *bridge);

#endif
