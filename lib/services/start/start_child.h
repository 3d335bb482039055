/* SPDX-License-Identifier: MIT */
/*
 * What a child does between fork() and the program that it becomes.
 *
 * Promises  the program runs only if the starter says so; after any failure, and when the
 *           starter ends before, the child ends and reports the reason.
 * Needs     all signals blocked; a plan whose memory does not change.
 * Context   the child of a fork(), possibly of a process with threads: only
 *           async-signal-safe calls, and none by which the C library means the calling
 *           thread, as raise(3).
 * Used by   start_run.c, start_foster.c, start_watch.c, start_minder.c.
 */
#ifndef KREG_LIB_START_CHILD_H
#define KREG_LIB_START_CHILD_H

#include "lib/inner.h"
#include "lib/services/start/readiness.h"
#include "lib/services/start/start.h"

#pragma GCC visibility push(hidden)

/* In the environment: the value of WATCHDOG_PID until the program's pid is known. */
#define START_PID_TO_BE "4294967295"

struct start_plan {
	struct kreg *k;
	const struct kreg_start *how;
	char **environment;
	const struct readiness *readiness;
	pid_t starter;
	uint64_t starter_program; /* as kreg_inner_program() */
	const struct start_within *within;
	int link;             /* a SOCK_SEQPACKET; the starter has the other end */
	bool has_no_handlers; /* of signals */
};

enum start_word_type {
	/*
	 * @owner is to hold the name, @pid is to be the program; under the guard @program is what
	 * the process runs until exec; in the fallback @watcher is to stand in line behind
	 */
	START_SEATED = 1,
	START_NO_SEAT,
	START_NO_EXEC, /* @pid is the step, enum kreg_exec_step */
	/*
	 * From the foster: exec has worked, or the program has ended before. Under the guard
	 * nobody is there to say so, and the link's end does.
	 */
	START_RUNS,
	START_GO,      /* from the starter */
	START_PROGRAM, /* to the watcher: @pid is to be the program */
	START_WATCHED, /* from the watcher: it watches, as @watcher and @watcher_pid */
};

/*
 * The link's end is not certain to be seen: a child that another thread of the starter has forked
 * meanwhile, by whatever call, has both ends for as long as it lives. So who waits for the end of
 * the other side also looks at its program so often.
 */
#define START_LOOK_MS 50

struct start_word {
	uint32_t type;
	int32_t error;
	uint64_t owner;
	uint64_t program;
	int64_t pid;
	uint64_t watcher;
	int64_t watcher_pid;
};

/* The exit status of a child that never becomes the program. */
#define START_NOT_RUN 127

void start_child(const struct start_plan *plan) __attribute__((noreturn));

/* The rest of a child that has a seat and has said so: it becomes the program. */
void start_become_program(const struct start_plan *plan) __attribute__((noreturn));

/* Sends one word over the socket @to, or does not if no process has the other end. */
void start_say(int to, struct start_word word);

/* Waits for the next word. False: no process has the other end any more. */
bool start_hear(int from, struct start_word *word);

/* Says START_NO_SEAT, and ends. */
void start_give_up(const struct start_plan *plan, int err) __attribute__((noreturn));

/* The kernel kills this process when @parent's thread ends, which may have happened already. */
void start_die_with(pid_t parent);

/* Opens a file as the fd @fd. 0, or a negative errno. */
int start_open_as(const char *path, int flags, int fd);

#pragma GCC visibility pop

#endif
