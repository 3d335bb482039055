/* SPDX-License-Identifier: MIT */
/*
 * Succession: how a segment ends, replaced by another one or destroyed.
 *
 * Any process may be the one that ends it, and be killed or stopped while it does. So
 * the end is decided by a CAS of one word, and carried out by steps that any other
 * process can repeat.
 *
 * Promises  at most one current segment has the name, and it does not lose the name
 *           before its end; a registry in which a living process has something is not
 *           replaced, and destroyed only by force; what is refused has not happened for
 *           anybody; nobody waits for a process that is killed or stopped.
 * Needs     a process that registers calls succession_stay() after the entry was
 *           counted in its row.
 * Context   any thread; succession_is_current() is wait-free, succession_stay()
 *           lock-free, the others use the file system.
 * Used by   lib/.
 */
#ifndef KREG_SHM_SUCCESSION_H
#define KREG_SHM_SUCCESSION_H

#include "shm/segment.h"

/*
 * Replaces @s, whose life table is gone, by a new segment of @plan. 0: the situation
 * has changed, open again; *made is the new segment's id if this call has put it there.
 * -EBUSY: a process in it is alive, and no other process can observe the attempt;
 * -EPROTO: the same in a segment of another layout.
 */
int succession_take_over(const struct segment *s, const struct segment_path *path,
			 const struct segment_plan *plan, uint64_t *made);

/*
 * The same if @s is over already: it completes that end, or puts a new segment in the
 * place of a destroyed one. For the registry's owner, because others may not rename.
 */
int succession_follow(const struct segment *s, const struct segment_path *path,
		      const struct segment_plan *plan, uint64_t *made);

/*
 * Completes the rename for the successor of @s, if it has one. Returns the successor's
 * id, or 0; if the caller may not rename, the segment is to be opened as FILE+ID.
 */
uint64_t succession_help(const struct segment *s, const struct segment_path *path);

/*
 * Whether @s is not over, and was not when everything before the call was done. It has
 * a full fence; segment_is_over() is the cheap form, which may be late.
 */
bool succession_is_current(const struct segment *s);

/*
 * The same after an entry was counted in its row, which keeps @s in use from now on: it
 * cancels a proposal to end @s. False: @s is over, and the entry is to be taken back.
 */
bool succession_cancel(const struct segment *s, uint64_t seen);

static inline bool succession_stay(const struct segment *s)
{
	uint64_t seen;

	/*
	 * ORD[succession_stay:A] full: our entry in the row, counted by a CAS, then the
	 * successor, and whether somebody listens; pairs with successor_cas:A, log_listen:A
	 */
	fence_after_cas();
	seen = load_relaxed(&s->header->successor); /* relaxed: the fence has ordered it */
	return caa_likely(!seen) || succession_cancel(s, seen);
}

/*
 * Ends @s, whose file is lost (lost.h), for every process that has it open. They open
 * the new registry of that name at their next call.
 */
void succession_end_lost(const struct segment *s);

/*
 * Destroys @s and removes the name. -EBUSY: a process in it is alive and @force is not
 * set, and no other process can observe the attempt; -EPERM: it is another user's; 1:
 * it was replaced meanwhile, open again; -EAGAIN: others interfered each time,
 * before the end or when the name was to be removed.
 */
int succession_destroy(const struct segment *s, const struct segment_path *path,
		       const struct life_table *lives, bool force);

#endif
