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
	int worst_ms;             /* the longest that a waiter or the mirror took */
	char complaint[COMPLAINT_MAX];
};

/* Which of the operation's outcomes are right. */
enum moment { MOMENT_EITHER, MOMENT_AFTER };

/* Each key leads to what it may; @alive: the victim's names count. */
int check_states(struct check *check, bool alive, enum moment moment);

/* No name of the victim is found or listed, and it is not alive. */
int check_absent(struct check *check);

/* The waits whose condition holds end; all of them if @all. */
int check_waits(struct check *check, bool victim_holds, bool unlocked, bool all);

/* The listener's mirror becomes equal to the table. */
int check_mirror(struct check *check);

/* All other processes can register, update and unregister. */
int check_others(struct check *check);

/* The victim's names can be registered again at once. */
int check_free(struct check *check);

/* The counts are correct, and the memory is sound. */
int check_counts(struct check *check);

/* After a sweep the use is that of the base; sets the base if @first. */
int check_base(struct check *check, bool first);

/*
 * The registry OTHER can be opened and used by a process that has nothing to do with the
 * victim.
 */
int check_other(struct check *check, bool destroy);

/* Whether some program can be started under the victim's name for a start; ends it. */
int check_start(struct check *check);

__attribute__((format(printf, 2, 3))) int check_fail(struct check *check, const char *format, ...);

#endif
