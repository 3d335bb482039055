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

/* One who is alive, or may be. */
struct in_use {
	pid_t pid;
	uint64_t pid_namespace; /* that the pid is of; 0: not known */
	bool is_unseen;         /* it cannot be judged from here, so it counts as alive */
	bool is_beyond;         /* nor can be seen who it is: this process could not map so much */
};

/*
 * Whether somebody who has something in @s, be it reserved, locked or a gift, is alive, by @lives if that
 * is its table, else by what is to be seen of the processes. Of a segment of another layout: who may ever have
 * had something. In a leftover of another boot and in a copy nobody is.
 */
bool in_use_by(const struct segment *s, const struct life_table *lives, struct in_use *who);

/* For sentences, after "FILE": "... and process 12 in it is alive; end it". */
#define IN_USE_TEXT 512
void in_use_tell(char *out, const struct in_use *who);

/* Why @s is not replaced, to the path's log. */
void in_use_say(const struct segment *s, const struct segment_path *path,
		const struct in_use *alive);

#endif
