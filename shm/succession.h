/* SPDX-License-Identifier: MIT */
/*
 * Succession: how a segment ends, replaced by another one or destroyed.
 *
 * Promises  one segment that is current has the name at most, and does not lose it before its end; a registry in
 *           which somebody who is alive has something is not replaced, and destroyed only by force; what is
 *           refused has not happened for anybody; nobody who is killed or stopped is waited for.
 * Needs     who registers asks succession_stay() after the entry was counted in its row.
 * Context   any thread; succession_is_current() is wait-free, succession_stay() lock-free, the others use the
 *           file system.
 * Used by   lib/.
 */
#ifndef KREG_SHM_SUCCESSION_H
#define KREG_SHM_SUCCESSION_H

#include "shm/segment.h"

/*
 * Replaces @s, whose life table is gone, by @plan. 0: something has changed, look again; *made is the id of the
 * new segment if it was this call that has put it there. -EBUSY: somebody in it is alive, and nobody can tell
 * that it was tried.
 */
int succession_take_over(const struct segment *s, const struct segment_path *path,
			 const struct segment_plan *plan, uint64_t *made);

/* The same where @s is over. For the registry's owner. */
int succession_follow(const struct segment *s, const struct segment_path *path,
		      const struct segment_plan *plan, uint64_t *made);

/*
 * Gives the name to the successor that replaces @s, if it has one. Its id, or 0; FILE+ID leads to it if we may
 * not rename it.
 */
uint64_t succession_help(const struct segment *s, const struct segment_path *path);

/* Whether @s is not over, and was not when everything before the call was done. */
bool succession_is_current(const struct segment *s);

/*
 * The same after an entry was counted in its row, which keeps @s in use from now on: who would like to end it
 * does not.
 */
bool succession_stay(const struct segment *s);

/* Ends @s, whose file is lost, for all who have it open. */
void succession_end_lost(const struct segment *s);

/*
 * Destroys @s and removes the name. -EBUSY: somebody in it is alive and @force is not set, and nobody can tell
 * that it was tried; -EPERM: it is another user's; 1: it was replaced meanwhile, look again.
 */
int succession_destroy(const struct segment *s, const struct segment_path *path,
		       const struct life_table *lives, bool force);

#endif
