/* SPDX-License-Identifier: MIT */
/*
 * What is known of the registries of the host at one time, before it is printed: a family has the
 * samples of all registries.
 *
 * Promises  it only reads, creates no registry and takes no seat. A registry that ends meanwhile,
 *           or cannot be read, has what its file says.
 * Used by   metrics.c.
 */
#ifndef TOOLS_METRICS_PICTURE_H
#define TOOLS_METRICS_PICTURE_H

#include "lib/kreg.h"
#include "tools/client.h"
#include "tools/cluster/bridges.h"
#include "tools/metrics/spaces.h"
#include "tools/who.h"

struct picture_registry {
	char *name; /* without its user */
	char *directory;
	uint32_t state; /* 0: it was asked for, and there is none */
	uint32_t uid, mode, life, layout, keys;
	uint64_t bytes, entries, owners;
	bool is_read; /* the rest is there */
	struct kreg_stat stat;
	uint64_t owners_by_state[WHO_STATES];
	struct spaces spaces;
	struct bridges bridges;
};

struct picture {
	struct picture_registry *registries;
	size_t count, room;
	size_t found;     /* how many of these there are */
	const char *only; /* as kreg_registry.name; NULL: all */
	const struct kreg_options *options;
	int missed; /* the error of a registry that could not be read; 0 */
};

/*
 * Fills @picture, of which @only and @options are set. Return: 0, an error of
 * kreg_registries_each(). In any case picture_free() is due.
 */
int picture_take(struct picture *picture);
void picture_free(struct picture *picture);

#endif
