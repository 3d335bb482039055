/* SPDX-License-Identifier: MIT */
/*
 * Processes: the identity of the caller, and what /proc says of a process.
 *
 * Promises  a number that the kernel has refused is never taken for one.
 * Context   any thread; what is of /proc reads a file, the rest is async-signal-safe.
 * Used by   shm/, lib/.
 *
 * `make lint` refuses getpid() and its like elsewhere (build-aux/check-calls).
 */
#ifndef KREG_BASE_PROCESS_H
#define KREG_BASE_PROCESS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/*
 * The calling thread and process. A sandbox may refuse each of these calls by itself,
 * although the C library knows no error of them: then it is -1, which no thread, process,
 * user or group is.
 */
pid_t process_tid(void);
pid_t process_pid(void);
uid_t process_uid(void);
uid_t process_euid(void);
gid_t process_gid(void);

/*
 * The name of the first of those calls that is refused to the calling thread, with *err,
 * or NULL. Unless @all, only process_euid() is tried.
 */
const char *process_refused(bool all, int *err);

/*
 * Whether /proc is that of our PID namespace: if not, its numbers denote other processes.
 */
bool process_proc_is_ours(void);

/*
 * Sends a signal to one process, or to all of the group that it leads. Return: 0 or a negative
 * errno; -ESRCH for what is no pid, because kill(2) takes 0 for the caller's group, and -1, which a
 * call that was refused has returned, for every process of the host.
 */
int process_signal(pid_t pid, int signal);
int process_signal_group(pid_t leader, int signal);

/* What /proc/PID/stat says of a process, at one moment: it may have ended since. */
struct process {
	/* as there: R, S, T, Z ... */
	char state;
	pid_t parent, session;
	/* PF_... of the kernel */
	unsigned int flags;
	long threads;
	/* its start since boot */
	unsigned long long ticks;
	/* false: it is ending, or inside exec(), which gives it its environment before this */
	bool has_program;
	/* 0 too for who may not know */
	unsigned long long env_bytes;
};

/*
 * False: /proc does not show the process. process_read_self(): the caller, whatever PID
 * namespace /proc is of.
 */
bool process_read(pid_t pid, struct process *out);
bool process_read_self(struct process *out);

/* Whether it has ended and is not reaped yet. */
bool process_is_over(const struct process *process);
uint64_t process_start_of(const struct process *process);

/*
 * When @pid was started, nanoseconds since boot, in the clock ticks of /proc; 0: no such
 * process, or one that has ended.
 */
uint64_t process_start(pid_t pid);

#endif
