/* SPDX-License-Identifier: MIT */
/*
 * In use: whether a process that is alive has something in a segment.
 *
 * A registry may be replaced or destroyed only if none has: the new one would otherwise
 * exist beside one whose owners go on in it.
 *
 * Promises  a process that had something during the whole of two looks is seen by the
 *           second one, if between them are a full fence and a word that each registering
 *           process looks at (succession.c). A process that cannot be judged counts as
 *           alive.
 * Needs     nothing; the life table may be gone.
 * Context   any thread; may read /proc.
 * Used by   succession, lib/.
 */
#ifndef KREG_SHM_IN_USE_H
#define KREG_SHM_IN_USE_H

#include "shm/segment.h"

/*
 * One process that is alive, or may be. Private to the caller; filled by in_use_by() when
 * that is true.
 */
struct in_use {
	pid_t pid;
	/* that the pid is of; 0: not known */
	uint64_t pid_namespace;
	/* it cannot be judged from here, so it counts as alive */
	bool is_unseen;
	/* not even its pid is known: the caller could not map that part of the file */
	bool is_beyond;
};

/*
 * Whether a living process has something in @s: a name, a reserved name, a lock, a claim
 * or a gift. It is alive by @lives if that is the table of @s, else by what can be seen
 * of processes (judge.h). Of a segment of another layout only the rows' owners can be
 * read, so each living process that has ever opened it counts. In a leftover of another
 * boot, and in a copy, nobody is alive.
 */
bool in_use_by(const struct segment *s, const struct life_table *lives, struct in_use *who);

/* Bytes that any such message fits into. */
#define IN_USE_TEXT 512
/*
 * Writes who it is for a message, after "FILE": "... and process 12 in it is alive; end
 * it". @out has IN_USE_TEXT bytes.
 */
void in_use_tell(char *out, const struct in_use *who);

/* Logs to the path why @s is not replaced. */
void in_use_say(const struct segment *s, const struct segment_path *path,
		const struct in_use *alive);

#endif
