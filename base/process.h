/* SPDX-License-Identifier: MIT */
/*
 * What /proc says of a process.
 *
 * Context   any thread; reads a file.
 * Used by   row, judge, lib/.
 */
#ifndef KREG_BASE_PROCESS_H
#define KREG_BASE_PROCESS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* Whether /proc is that of our PID namespace. */
bool process_proc_is_ours(void);

/* What /proc/PID/stat says of a process. False: it does not show it. */
struct process {
	char state; /* as there: R, S, T, Z ... */
	pid_t parent, session;
	long threads;
	unsigned long long ticks; /* its start since boot */
};
bool process_read(pid_t pid, struct process *out);
bool process_read_self(struct process *out); /* the caller, whatever PID namespace /proc is of */
bool process_is_over(const struct process *process);
uint64_t process_start_of(const struct process *process);

/* When @pid was started, nanoseconds since boot, in the clock ticks of /proc; 0: there is none. */
uint64_t process_start(pid_t pid);

#endif
