/* SPDX-License-Identifier: MIT */
/*
 * A thread that hears what programs say which somebody else has started and is busy with: those of a supervisor.
 *
 * Promises  a program's messages are read, and its watchdog is looked at, whatever the supervisor waits for.
 * Needs     hearer_remove() after a hearer_add() that returned 0, before the program's end.
 * Context   the thread that supervises, whose table of fds it shares. Started with the first program, one for each
 *           supervisor, ended with it.
 * Used by   start_program.c, supervisor_apart.c, supervisor.c.
 */
#ifndef KREG_LIB_HEARER_H
#define KREG_LIB_HEARER_H

#include "lib/kreg-services.h"

#pragma GCC visibility push(hidden)

struct hearer;

/* From here on @program is the thread's, which is started if there is none. -EAGAIN, -ENOMEM, -EMFILE, -ENFILE. */
int hearer_add(struct hearer **at, struct kreg_program *program);
/* From here on it is the caller's. */
void hearer_remove(struct hearer *h, struct kreg_program *program);

/* Ends the thread, if there is one, and is NULL from then on. */
void hearer_stop(struct hearer **at);

/* In a child of fork(), which has neither thread nor fds of it; NULL is allowed. */
void hearer_let_go(struct hearer *h);

#pragma GCC visibility pop

#endif
