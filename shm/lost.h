/* SPDX-License-Identifier: MIT */
/*
 * Lost: whether somebody has taken the file of a registry away without asking the registry, so that nobody can open
 * it any more: rm, logind at a user's last logout.
 *
 * Promises  a file that is there is never lost, whatever folder, root or mounts the caller has by now.
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
	LOST_UNSEEN, /* it cannot be seen from here, and nobody can say that it is gone */
};

/* @s was opened by @path. */
enum lost lost_look(const struct segment *s, const struct segment_path *path);

#endif
