/* SPDX-License-Identifier: MIT */
/*
 * What is said of a bridge, as cells: the same in a table and in JSON.
 *
 * Used by   show.c, document.c.
 */
#ifndef TOOLS_CLUSTER_FIGURES_H
#define TOOLS_CLUSTER_FIGURES_H

#include "tools/cluster/bridges.h"
#include "tools/out/output.h"

enum {
	FIGURE_CLUSTER,
	FIGURE_HOST,
	FIGURE_PID,
	FIGURE_VERSION,
	FIGURE_TOUCH,
	FIGURE_SESSION,
	FIGURE_SINCE,
	FIGURE_ENDPOINT,
	FIGURE_ENDPOINTS,
	FIGURE_LEASE,
	FIGURE_TTL,
	FIGURE_GRACE,
	FIGURE_LEASE_LEFT,
	FIGURE_LAG,
	FIGURE_REVISION,
	FIGURE_MEMBERS,
	FIGURE_EXPORT,
	FIGURE_EXPORTED,
	FIGURE_WAITING,
	FIGURE_WAITING_FOR,
	FIGURE_IMPORT,
	FIGURE_IMPORTED,
	FIGURE_KNOWN,
	FIGURE_OTHERS,
	FIGURE_CONFLICTS,
	FIGURE_WRITES,
	FIGURE_EVENTS,
	FIGURE_FAILURES,
	FIGURE_REFUSED,
	FIGURE_WRONG,
	FIGURE_LEFT_OUT,
	FIGURE_RESTORES,
	FIGURE_ERROR,
	FIGURE_ERROR_AGO,
	FIGURES,
};

extern const struct output_column cluster_figures[FIGURES];

/* Text of figures, as long as they are printed. */
struct figure_room {
	char lease[32], exports[256], imports[256];
};

void cluster_fill(const struct bridge *bridge, uint64_t now, struct figure_room *room,
		  struct output_cell cells[FIGURES]);

/* A lease as etcdctl has it; 0: none. @to: room for it. */
struct output_cell cluster_lease(uint64_t lease, char to[32]);

#endif
