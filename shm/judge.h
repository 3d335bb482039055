/* SPDX-License-Identifier: MIT */
/*
 * Judge: whether a process may be alive, for processes that have no life table to ask.
 *
 * That is the case when the guard of a registry is gone or out of sight, and for
 * registries of another layout.
 *
 * Promises  a process that is alive is never taken for dead, whatever the caller can see
 *           of it.
 * Needs     nothing. Without /proc, or for a PID namespace that the caller cannot see
 *           into, the process counts as possibly alive.
 * Context   any thread; reads /proc.
 * Used by   in_use.
 */
#ifndef KREG_SHM_JUDGE_H
#define KREG_SHM_JUDGE_H

#include <stdbool.h>
#include <stdint.h>

#include "shm/layout.h"

/*
 * What the caller can see; read once, for any number of questions. Private to the caller.
 */
struct judge {
	uint64_t pid_namespace;
	uint32_t time_namespace;
	/*
	 * /proc is mounted for the caller's PID namespace, so its numbers are the
	 * caller's pids
	 */
	bool proc_is_ours;
	/*
	 * and it shows the processes of all namespaces, so a process that is not found is
	 * gone
	 */
	bool sees_all;
};
void judge_begin(struct judge *out);

enum verdict {
	JUDGE_DEAD,
	JUDGE_ALIVE,  /* there is such a process */
	JUDGE_UNSEEN, /* nobody here can tell */
};
/*
 * The verdict about the process in @who, which may be damaged or stale memory of the
 * segment.
 */
enum verdict judge_look(const struct judge *judge, const struct segment_who *who);

#endif
