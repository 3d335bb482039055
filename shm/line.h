/* SPDX-License-Identifier: MIT */
/*
 * Views of a line: what a waiter has to know of it, and a number that says whether it is still that.
 *
 * Promises  all of a view is of one walk: two views with one print are the same, so who finds in a view that it has to
 *           wait has to wait in each line with that print. (Two lines that differ have one print with a chance of
 *           2^-64.) In the print are the live entries of the key with their owners and kinds, in order, whether
 *           the registry is over, and whether the asking owner is alive.
 * Needs     nothing; it peeks.
 * Context   any thread; writes nothing; one walk, repeated a few times if it was overtaken.
 * Used by   lib/wait/wait.c, lib/wait/attendant.c.
 *
 * A print that has gone may come back, as that of the empty line does. That is why a view and its print are one thing:
 * a look of its own, before or after the walk, may have seen another line.
 */
#ifndef KREG_SHM_LINE_H
#define KREG_SHM_LINE_H

#include "shm/table.h"

struct line_view {
	uint64_t
		print; /* 0: not known, because the walk was overtaken or has met damage; then nothing else is */
	struct found
		first; /* of the names, reserved ones too, or of the locks; owner 0: there is none */
	owner_t holder;    /* of the first that is a name, or 0 */
	owner_t claim;     /* of the first that claims to start the name, or 0 */
	bool has_self;     /* an entry of the asking owner, but for claims */
	bool has_whose;    /* an entry of @whose, and ... */
	bool has_his_name; /* ... one that can be found */
};

/*
 * Of the lines that @q stands for, to @self. Names are in one line for each partition, and with them goes the line of
 * those who claim to start the name. @whose: another owner to look for, or 0.
 */
void line_look(const struct segment *s, const struct life_table *lives, const struct query *q,
	       owner_t self, owner_t whose, struct line_view *out);

#endif
