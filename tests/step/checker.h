/* SPDX-License-Identifier: MIT */
/*
 * Checker: what all other processes must find after one process was killed, stopped or
 * called exec.
 *
 * Promises  each function returns 0, or -1 with a message in check->complaint; none of them
 *           waits longer than COMPANY_WAIT_MS for one thing.
 * Used by   point.c.
 */
#ifndef KREG_TESTS_STEP_CHECKER_H
#define KREG_TESTS_STEP_CHECKER_H

#include "tests/step/operations.h"

#define COMPLAINT_MAX 320

struct check {
	struct stage *stage;
	const struct operation *operation;
	struct kreg_owner victim; /* token 0: it has not opened the registry */
	bool waited[WAITS];       /* has ended */
	int worst_ms;             /* that a waiter or the mirror took */
	char complaint[COMPLAINT_MAX];
};

/* Which of the operation's outcomes are right. */
enum moment { MOMENT_EITHER, MOMENT_AFTER };

/* Each key leads to what it may; @alive: the victim's names count. */
int check_states(struct check *check, bool alive, enum moment moment);

/* Nothing of the victim's is found, listed or alive. */
int check_absent(struct check *check);

/* The waits that have what they wait for end; all of them if @all. */
int check_waits(struct check *check, bool victim_holds, bool unlocked, bool all);

/* The listener's mirror becomes equal to the table. */
int check_mirror(struct check *check);

/* Everybody else can register, update and unregister. */
int check_others(struct check *check);

/* What the victim held is registered again at once. */
int check_free(struct check *check);

/* The counts are what there is, and the memory is sound. */
int check_counts(struct check *check);

/* After a sweep there is as much in use as at the base; sets that if @first. */
int check_base(struct check *check, bool first);

/* The registry OTHER can be opened and used, by a process that has nothing to do with the victim. */
int check_other(struct check *check, bool destroy);

/* Whether some program can be started under the name that the victim started one under; ends it. */
int check_start(struct check *check);

__attribute__((format(printf, 2, 3))) int check_fail(struct check *check, const char *format, ...);

#endif
