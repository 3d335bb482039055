/* SPDX-License-Identifier: MIT */
/*
 * A thread that receives the messages of a supervisor's programs, because the
 * supervisor's own thread may be busy with one of them.
 *
 * Promises  messages are read, and watchdogs are checked, whatever the supervisor is
 *           waiting for.
 * Needs     hearer_remove() after a hearer_add() that returned 0, before the program
 *           ends.
 * Context   the thread that supervises, whose table of fds it shares. One for each
 *           supervisor, started with the first program.
 * Used by   start_program.c, supervisor_apart.c, supervisor.c.
 */
#ifndef KREG_LIB_HEARER_H
#define KREG_LIB_HEARER_H

#include "lib/kreg-services.h"

#pragma GCC visibility push(hidden)

struct hearer;

/*
 * From here on @program is private to the thread, which is started if there is none.
 * -EAGAIN, -ENOMEM, -EMFILE, -ENFILE.
 */
int hearer_add(struct hearer **at, struct kreg_program *program);
/* From here on it is private to the caller. */
void hearer_remove(struct hearer *h, struct kreg_program *program);

/* Ends the thread, if there is one, and sets *at to NULL. */
void hearer_stop(struct hearer **at);

/* For a child of fork(), which has neither the thread nor its fds. NULL is allowed. */
void hearer_let_go(struct hearer *h);

#pragma GCC visibility pop

#endif
