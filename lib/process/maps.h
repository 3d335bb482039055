/* SPDX-License-Identifier: MIT */
/*
 * Whether another process has a file mapped, for writing, so that others see it.
 *
 * Since 6.11 the kernel is asked for mappings of this kind alone (PROCMAP_QUERY, see
 * Documentation/filesystems/proc.rst); before, it writes the mappings as text, of which a page takes
 * 50 us, ten times as long as all else that is asked about a process.
 *
 * Context   any thread; allocates where the text is read.
 * Used by   opened.c.
 */
#ifndef KREG_LIB_MAPS_H
#define KREG_LIB_MAPS_H

#include "shm/segment.h"

#pragma GCC visibility push(hidden)

/*
 * @path: /proc/PID/maps, or that of a thread. 0: it has the file of @s mapped; -EUCLEAN: it has other
 * files mapped; -ENODATA: it has no memory left; -EACCES.
 */
int maps_look(const char *path, const struct segment *s);

/* The same by the text alone. For tests. */
int maps_look_at_text(const char *path, const struct segment *s);

#pragma GCC visibility pop

#endif
