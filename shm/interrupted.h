/* SPDX-License-Identifier: MIT */
/*
 * Calls that exec has interrupted, in a process that lives on under the guard.
 *
 * Promises  what such a call had not counted or rung yet is counted and rung by a recovery; until then a
 *           count is made by a walk, so nobody can tell the difference.
 * Needs     interrupted_own() before the first change of a program in a registry.
 * Context   any thread, outside of sections. Counts: any handle. A walk takes as long as the table is large.
 * Used by   in_use, lib/.
 */
#ifndef KREG_SHM_INTERRUPTED_H
#define KREG_SHM_INTERRUPTED_H

#include "shm/row.h"

/* At kreg_open(), after row_open(): recovers what earlier programs of this process have left. */
void interrupted_own(const struct segment *s, const struct life_table *lives,
		     const struct life_self *self);

/* Looks at the next @count slots from *from on, or at all, and recovers what it finds. */
void interrupted_some(const struct segment *s, const struct life_table *lives, uint32_t *from,
		      uint32_t count);
void interrupted_all(const struct segment *s, const struct life_table *lives);

/* As row_owner() and row_sum(), and exact whatever exec has interrupted. */
owner_t interrupted_owner(const struct segment *s, const struct life_table *lives, uint32_t seat,
			  uint32_t *entries);
uint64_t interrupted_sum(const struct segment *s, const struct life_table *lives, uint32_t *owners);

/*
 * Whether the owner of @seat's row, should it be alive, has anything in the registry but gifts. @lives: NULL
 * if its table is gone; then what may be there counts.
 */
bool interrupted_is_in_use(const struct segment *s, const struct life_table *lives, uint32_t seat);

#endif
