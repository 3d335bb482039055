/* SPDX-License-Identifier: MIT */
/*
 * Halts: a process that gets no further than a certain call of the library.
 *
 * Promises  the process is killed, is stopped or becomes another program at the call, and the moment is written
 *           down where its parent sees it.
 * Needs     the test's program is linked with --wrap for the call, and its wrapper calls halt_here() first;
 *           halt_new() before the child is started; program_run() in main(), for the other program.
 */
#ifndef KREG_TESTS_SUPPORT_HALT_H
#define KREG_TESTS_SUPPORT_HALT_H

#include <stdbool.h>
#include <stdint.h>

enum halt { HALT_KILL, HALT_STOP, HALT_EXEC, HALTS };

const char *halt_name(int how);

void halt_new(void);

/* In the child: from now on, at the @calls-th call of halt_here(). */
void halt_at(int how, int calls);
void halt_here(void);

/* In the child: it has not come to that call, or has gone on behind it; from now on nothing halts it. */
void halt_done(void);

/* In the parent: waits until it has happened, and says when, by clock_now(). */
uint64_t halt_await(void);

/* The same, or waits until the child calls halt_done(): then false. */
bool halt_comes(void);

/* Waits for halt_done(). */
void halt_await_done(void);

#endif
