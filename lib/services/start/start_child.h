/* SPDX-License-Identifier: MIT */
/*
 * What a child does between fork() and the program that it becomes.
 *
 * Promises  the program runs only if the starter says so; after any failure the child
 *           ends and reports the reason.
 * Needs     all signals blocked; a plan whose memory does not change.
 * Context   the child of a fork(), possibly of a process with threads: only
 *           async-signal-safe calls.
 * Used by   start.c.
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
	const struct start_within *within;
	int link; /* a SOCK_SEQPACKET; the starter has the other end */
};

enum start_word_type {
	START_SEATED = 1, /* @owner is to hold the name, @pid is to be the program */
	START_NO_SEAT,
	/* @pid is the step, enum kreg_exec_step. No word, but the end: exec worked, or all died */
	START_NO_EXEC,
	START_GO,      /* from the starter */
	START_WATCHED, /* @owner is the watcher, which is to stand in line behind the foster */
};

struct start_word {
	uint32_t type;
	int32_t error;
	uint64_t owner;
	int64_t pid;
};

void start_child(const struct start_plan *plan) __attribute__((noreturn));

#pragma GCC visibility pop

#endif
