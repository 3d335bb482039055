/* SPDX-License-Identifier: MIT */
/*
 * Ended: lives that their table has shown to be over, noted in the segment for processes
 * that do not have the table.
 *
 * Promises  a life is noted only if its word, in the table that it is a life of, said
 *           that it is over; what is noted stays noted. A table that is merely out of
 *           sight, or was forgotten (life_gone.c), notes nothing.
 * Needs     to note: the segment mapped for writing. To ask: nothing.
 * Context   any thread; lock-free. ended_is_known() is wait-free.
 * Used by   in_use, lib/.
 */
#ifndef KREG_SHM_ENDED_H
#define KREG_SHM_ENDED_H

#include "shm/segment.h"

/*
 * Notes all lives in the rows of @s that are over by @lives, which is the table of @s:
 * with another guard's table it would note lives of which that table knows nothing.
 */
void ended_note_all(const struct segment *s, const struct life_table *lives);

/* The same, unless the end of @owner is noted already: for calls that may come often. */
void ended_note(const struct segment *s, const struct life_table *lives, owner_t owner);

/*
 * Whether @s itself says that the life @owner is over. False: not known, which is not the
 * same as alive.
 */
bool ended_is_known(const struct segment *s, owner_t owner);

#endif
