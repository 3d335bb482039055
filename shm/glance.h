/* SPDX-License-Identifier: MIT */
/*
 * Glance: what the file of a segment says, read by pread(2) and never mapped.
 *
 * A listing of all registries looks into files of other users, which can be truncated at
 * any moment: a mapping would be SIGBUS. Nor does it want gigabytes of address space for
 * a few figures.
 *
 * Promises  no page of the file is touched; nothing is written, no seat is taken; the
 *           time and memory are bounded by the seats that there can be, and by the memory
 *           that the file really has, whatever it says.
 * Needs     nothing.
 * Context   any thread; the file system, and /proc if the life table is gone.
 * Used by   lib/registry/registries.c.
 */
#ifndef KREG_SHM_GLANCE_H
#define KREG_SHM_GLANCE_H

#include <sys/stat.h>

#include "shm/segment.h"

struct glance {
	uint32_t layout;
	uint32_t keys;
	/* made under a guard; otherwise the lives are in the file */
	bool is_guarded;
	bool is_stranger;
	/* its life table is gone, or it was replaced or destroyed */
	bool is_leftover;
	/*
	 * Those who are alive, and what they have; of a leftover or a stranger those who have
	 * opened it and may be alive, and no entries.
	 */
	uint64_t owners;
	uint64_t entries;
};

/*
 * Looks at the file of @path. @guard: the guard's table that can be reached, or all 0.
 * Errors as segment_open(); -EPROTO also if it is shorter than it was a moment ago.
 */
int glance(struct glance *out, const struct segment_path *path, const struct life_table *guard);

#endif
