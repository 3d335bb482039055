/* SPDX-License-Identifier: MIT */
/*
 * Stops the calling thread at an instruction of a call.
 *
 * Timers are too coarse to hit a call that takes a microsecond. So a process first learns
 * which instructions make up the calls, with a trap for each; its children then stop at
 * any of them, by a breakpoint that they write into their own text.
 *
 * Promises  at most one stop for each stop_arm(); none if the call takes another path.
 * Needs     x86-64; on other machines the stop is where it is armed. One thread that calls.
 * Used by   worker.c.
 */
#ifndef KREG_TESTS_LINEAR_STOP_H
#define KREG_TESTS_LINEAR_STOP_H

#include <stdint.h>

#define STOP_KINDS 12u

/* @stop is called in a signal handler. 0 or a negative errno. */
int stop_init(void (*stop)(void));

/* What runs between the two is a call of that kind. Learning again adds to it. */
void stop_learn(uint32_t kind);
void stop_learnt(void);

/* The next call, which is of that kind, stops at the instruction that @random chooses. */
void stop_arm(uint32_t kind, uint64_t random);
void stop_disarm(void);

#endif
