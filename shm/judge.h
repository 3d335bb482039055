/* SPDX-License-Identifier: MIT */
/*
 * Judge: whether a process may live, for those who have no life table to ask.
 *
 * Promises  a process that lives is never taken for dead, whatever the caller can see of it.
 * Needs     nothing. Without /proc, or of a PID namespace that one cannot see into, processes may live.
 * Context   any thread; reads /proc.
 * Used by   in_use.
 */
#ifndef KREG_SHM_JUDGE_H
#define KREG_SHM_JUDGE_H

#include <stdbool.h>
#include <stdint.h>

#include "shm/layout.h"

/* What the caller can see, for any number of questions. */
struct judge {
	uint64_t pid_namespace;
	uint32_t time_namespace;
	bool proc_is_ours; /* /proc counts as our PID namespace does */
	bool sees_all;     /* and shows the processes of all namespaces */
};
void judge_begin(struct judge *out);

enum verdict {
	JUDGE_DEAD,
	JUDGE_ALIVE,  /* there is such a process */
	JUDGE_UNSEEN, /* nobody here can tell */
};
enum verdict judge_look(const struct judge *judge, const struct segment_who *who);

#endif
