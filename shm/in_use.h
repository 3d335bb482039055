/* SPDX-License-Identifier: MIT */
/*
 * In use: whether a process that is alive has something in a segment.
 *
 * Promises  who had something during the whole of two looks is seen by the second one, if a full fence and a word
 *           that each who registers looks at are between them (succession.c); who cannot be judged is
 *           alive.
 * Needs     nothing; the life table may be gone.
 * Context   any thread; may read /proc.
 * Used by   succession, lib/.
 */
#ifndef KREG_SHM_IN_USE_H
#define KREG_SHM_IN_USE_H

#include "shm/segment.h"

/*
 * Whether somebody who has something in @s, be it reserved, locked or a gift, is alive, by @lives if that
 * is its table, else by the processes' start times; one of another PID namespace is then. *pid: its.
 */
bool in_use_by(const struct segment *s, const struct life_table *lives, pid_t *pid);

#endif
