/* SPDX-License-Identifier: MIT */
/*
 * Calls that exec has interrupted, in a process that lives on under the guard.
 *
 * exec by a signal handler or another thread can end a call between its CAS and the
 * bookkeeping that follows. The names stay, so their count must be made right without the
 * program that knew what it was doing.
 *
 * Promises  what such a call had not yet counted or rung is counted and rung by a
 *           recovery; until then counts are made by a walk of the table, so no caller
 *           can tell the difference.
 * Needs     interrupted_own() before the first change of a program in a registry.
 * Context   any thread, outside of sections. Counts: any handle. A walk takes time in
 *           proportion to the table.
 * Used by   in_use, lib/.
 */
#ifndef KREG_SHM_INTERRUPTED_H
#define KREG_SHM_INTERRUPTED_H

#include "shm/row.h"

/*
 * At kreg_open(), after row_open() and before the program's first change: recovers what
 * earlier programs of this process have left, and frees their slots. After the first
 * change the walk of a recovery would count that change too. What cannot be recovered is
 * left to the next such call of this process, and counts are made by walks until then.
 */
void interrupted_own(const struct segment *s, const struct life_table *lives,
		     const struct life_self *self);

/*
 * Looks at the next @count slots from *from on, or at all of them, and recovers those
 * that exec has interrupted, in whatever process. Needs write access. A recovery that
 * fails (the table changes too fast) is left to the next caller.
 */
void interrupted_some(const struct segment *s, const struct life_table *lives, uint32_t *from,
		      uint32_t count);
void interrupted_all(const struct segment *s, const struct life_table *lives);

/*
 * As row_owner() and row_sum(), but exact, whatever exec has interrupted. Read-only. If
 * the walk fails, the row's own count is returned.
 */
owner_t interrupted_owner(const struct segment *s, const struct life_table *lives, uint32_t seat,
			  uint32_t *entries);

/*
 * *owners becomes the number of living owners, *doubts of those whose entries were counted
 * by a walk; either may be NULL.
 */
uint64_t interrupted_sum(const struct segment *s, const struct life_table *lives, uint32_t *owners,
			 uint32_t *doubts);

/*
 * Whether the owner of @seat's row, if it is alive, has anything in the registry but
 * gifts. @lives: NULL if its table is gone; then a doubt counts as yes. The caller judges
 * whether the owner is alive; a wrong no would end a registry that is in use.
 */
bool interrupted_is_in_use(const struct segment *s, const struct life_table *lives, uint32_t seat);

#endif
