/* SPDX-License-Identifier: MIT */
/*
 * A program that is started, and heard afterwards: what a call to kreg_start() leaves.
 *
 * Used by   start.c, start_found.c.
 */
#ifndef KREG_LIB_START_PROGRAM_H
#define KREG_LIB_START_PROGRAM_H

#include "lib/services/start/start_run.h"

#pragma GCC visibility push(hidden)

struct kreg_program {
	struct starting s;     /* its @how has no pointers of the caller's when the start is over */
	struct hearer *hearer; /* whose the rest is; NULL: nobody's but ours */
	int published;         /* as struct kreg_program_state has it */
	void *value;           /* a copy for s.how */
	unsigned char key[KREG_KEY_MAX];
};

/* For a start as @how says, of which nothing is the caller's but what let_go_of_callers() of start.c forgets. */
int program_new(struct kreg_program **out, struct kreg *k, const void *key, size_t key_size,
		const struct kreg_start *how);

/* Its name is found from here on, or @err says why not. */
void program_published(struct kreg_program *program, int err);

/* Has it heard by a thread of the supervisor's from here on. Errors as hearer_add(). */
int program_be_heard(struct kreg_program *program, struct hearer **hearer);

/* No more: whatever it has said was heard. True: it has missed its watchdog. */
bool program_end_hearing(struct kreg_program *program);

/* All that it has, as if it was never started; its process is left alone. */
void program_free(struct kreg_program *program);

#pragma GCC visibility pop

#endif
