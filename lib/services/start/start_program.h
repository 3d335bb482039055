/* SPDX-License-Identifier: MIT */
/*
 * A program that was started and whose messages are received afterwards: what a call to
 * kreg_start() leaves.
 *
 * Used by   start.c, start_found.c.
 */
#ifndef KREG_LIB_START_PROGRAM_H
#define KREG_LIB_START_PROGRAM_H

#include "lib/services/start/start_run.h"

#pragma GCC visibility push(hidden)

struct kreg_program {
	struct starting s;     /* its @how has no pointers of the caller's once the start is over */
	struct hearer *hearer; /* the thread that all else is private to; NULL: the caller's */
	int published;         /* as in struct kreg_program_state */
	void *value;           /* a copy for s.how */
	unsigned char key[KREG_KEY_MAX];
};

/*
 * For a start as @how says. Pointers of the caller's in it are those that
 * let_go_of_callers() in start.c clears.
 */
int program_new(struct kreg_program **out, struct kreg *k, const void *key, size_t key_size,
		const struct kreg_start *how);

/* Its name is found from here on, or @err says why not. */
void program_published(struct kreg_program *program, int err);

/* A thread of the supervisor's receives its messages from here on. Errors as hearer_add(). */
int program_be_heard(struct kreg_program *program, struct hearer **hearer);

/* Undoes that, after all that was sent has been received. True: it has missed its watchdog. */
bool program_end_hearing(struct kreg_program *program);

/* Frees all that it has; its process is left alone. */
void program_free(struct kreg_program *program);

#pragma GCC visibility pop

#endif
