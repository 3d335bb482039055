/* SPDX-License-Identifier: MIT */
/*
 * A guard of few seats, whose programs skip the steps that a test names, as if the kernel had refused them; and a
 * registry of it. Each call fails the test if it can't do that.
 */
#ifndef KREG_TESTS_SUPPORT_SMALL_GUARD_H
#define KREG_TESTS_SUPPORT_SMALL_GUARD_H

#include <stdbool.h>
#include <stdint.h>

#include "bpf/guard.h"
#include "lib/kreg.h"

#define SEATS 8

/* At second_guard(). @faults: LIFE_FAULT_*. */
void start_guard(uint32_t faults);
int stop_guard(bool force);
int audit(uint32_t *removed);
struct guard_status status(void);

/*
 * The sum of the guard's counts of pids: how many elements it believes to have among the
 * owners. Were it below their number, an exit could be mistaken for one of a process without
 * a life; were it above, the exits of others would be slower than they have to be.
 */
uint32_t counted(void);

/* The registry; open_in(): of another guard and folder. */
int open_in(struct kreg **k, const char *guard, const char *directory);
int try_open(struct kreg **k);
struct kreg *open_registry(void);

/* A child's body: registers "name" and reports the result; repeats that for each number it receives. */
int hold(int link, void *data);

/* One process after the other takes a seat and the name, and dies. */
void hold_and_die(struct kreg *k, int times);

#endif
