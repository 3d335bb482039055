/* SPDX-License-Identifier: MIT */
/*
 * A thread that hears what programs say which somebody else has started and is busy with: those of a supervisor.
 *
 * Promises  a program's messages are read, and its watchdog is looked at, whatever the supervisor waits for.
 * Needs     hearer_remove() after a hearer_add() that returned 0, before the program's end.
 * Context   any thread. Started with the first program, one for each handle, ended by kreg_close().
 * Used by   start_program.c.
 */
#ifndef KREG_LIB_HEARER_H
#define KREG_LIB_HEARER_H

#include "lib/kreg-services.h"

#pragma GCC visibility push(hidden)

struct hearer;

/* From here on @program is the thread's, which is *out. -EAGAIN, -ENOMEM, -EMFILE, -ENFILE. */
int hearer_add(struct kreg *k, struct kreg_program *program, struct hearer **out);
/* From here on it is the caller's. In a child of fork(), where there is no thread, it always was. */
void hearer_remove(struct hearer *h, struct kreg *k, struct kreg_program *program);

#pragma GCC visibility pop

#endif
