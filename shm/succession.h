/* SPDX-License-Identifier: MIT */
/*
 * Succession: how a segment ends, replaced by another one or destroyed.
 *
 * Promises  one successor at most; a registry in which somebody who is alive has something is not replaced,
 *           and destroyed only by force; who sleeps in it is woken when it ends.
 * Needs     who registers asks succession_is_current() after the entry was counted in its row.
 * Context   any thread; succession_is_current() is wait-free, the others use the file system.
 * Used by   lib/.
 */
#ifndef KREG_SHM_SUCCESSION_H
#define KREG_SHM_SUCCESSION_H

#include "shm/segment.h"

/*
 * Replaces @s, whose life table is gone, by @plan. 0: another segment has the name now, open it.
 * -EBUSY: somebody in it is alive.
 */
int succession_take_over(const struct segment *s, const struct segment_path *path,
			 const struct segment_plan *plan);

/* Whether @s is in use still, asked after an entry was counted in its row. */
bool succession_is_current(const struct segment *s);

/* Finishes what another process began, if @s has a successor. */
void succession_help(const struct segment *s, const struct segment_path *path);

/* Removes the name. -EBUSY: somebody in it is alive, and @force is not set. */
int succession_destroy(const struct segment *s, const struct segment_path *path,
		       const struct life_table *lives, bool force);

/*
 * Whether somebody who has something in @s, be it reserved, locked or a gift, is alive, by @lives if that
 * is its table, else by the processes' start times. His pid, or 0.
 */
pid_t succession_someone_alive(const struct segment *s, const struct life_table *lives);

#endif
