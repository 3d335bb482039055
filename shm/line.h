/* SPDX-License-Identifier: MIT */
/*
 * Views of a line: what a waiter has to know of a key, and a number, the print, that
 * tells whether it is still so.
 *
 * A waiter decides by a view and sleeps; its attendant compares prints for it. So a
 * change is noticed although the process that made it was killed, stopped or replaced
 * before its ring.
 *
 * Promises  all of a view is from one walk. Two views with one print are the same, so a
 *           waiter that has to wait by a view has to wait in every line with that
 *           print. (Two different lines have one print with a probability of 2^-64.)
 *           The print covers the live entries of the key with their owners and kinds,
 *           in order, whether the registry is over, and whether the asking owner is
 *           alive.
 * Needs     nothing; it peeks.
 * Context   any thread; writes nothing; one walk, repeated a few times if it was
 *           overtaken.
 * Used by   lib/wait/wait.c, lib/wait/attendant.c.
 *
 * A print that has gone may come back, as that of the empty line does. That is why a
 * view and its print come from the same walk: a separate look, before or after it, may
 * have seen another line, and the waiter would sleep on a line in which it should not.
 */
#ifndef KREG_SHM_LINE_H
#define KREG_SHM_LINE_H

#include "shm/table.h"

/*
 * Private to the caller, and filled in by line_look(). The peek is over by then, so
 * first.entry must not be followed: its block may be in use for something else.
 */
struct line_view {
	uint64_t
		print; /* 0: not known, as the walk was overtaken or met damage; the rest is void */
	struct found
		first;  /* entry: of the names, reserved ones too, or of the locks; owner 0: none */
	owner_t holder; /* of the first entry that is a name, or 0 */
	owner_t claim;  /* of the first entry that claims to start the name, or 0 */
	bool has_self;  /* an entry of the asking owner, other than a claim */
	bool has_whose; /* an entry of @whose, other than a claim, and ... */
	bool has_whose_name; /* ... one that can be found */
};

/*
 * The view of the lines that @q stands for, as @self sees it. Names have one line for
 * each partition, and the line of the claims to start the name belongs to the view too.
 * @whose: another owner to look for, or 0. Never fails: the print is 0 if nothing could
 * be learned, and such a print must not be compared.
 */
void line_look(const struct segment *s, const struct life_table *lives, const struct query *q,
	       owner_t self, owner_t whose, struct line_view *out);

#endif
