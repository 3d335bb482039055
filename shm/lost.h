/* SPDX-License-Identifier: MIT */
/*
 * Lost files: whether a registry's file was removed without the registry's knowledge,
 * by rm or by logind at a user's last logout.
 *
 * Nobody can open such a registry any more, and the next kreg_open() creates another
 * one of the same name. So processes that have the old one open must find out, and end
 * it.
 *
 * Promises  a file that is there is never reported lost, whatever folder, root or
 *           mounts the caller has by now.
 * Needs     nothing.
 * Context   the file system; not in signal handlers.
 * Used by   lib/.
 */
#ifndef KREG_SHM_LOST_H
#define KREG_SHM_LOST_H

#include "shm/segment.h"

enum lost {
	LOST_NOT,
	LOST,
	LOST_UNSEEN, /* it cannot be seen from here, and nothing shows that it is gone */
};

/*
 * Looks for the file of @s, which was opened by @path. A few system calls, so callers
 * limit how often they ask. Only LOST permits the caller to end the registry:
 * LOST_UNSEEN is what a process sees that has changed its root, while others use the
 * registry.
 */
enum lost lost_look(const struct segment *s, const struct segment_path *path);

#endif
