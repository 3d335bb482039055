/* SPDX-License-Identifier: MIT */
/*
 * The calls that exec interrupts, and the program that follows.
 */
#ifndef KREG_TESTS_EXEC_CALLS_H
#define KREG_TESTS_EXEC_CALLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/kreg.h"

#define HANG_MS 20000

/* Each is made through call_registry. The first calls_of_names are of names, and can be made by any thread. */
struct call {
	const char *name;
	void (*before)(void); /* not interrupted */
	void (*run)(void);
	uint32_t points; /* where it is to be interrupted */
	uint32_t most;   /* of its atomic changes; 0: all. A start does much behind the fork */
	bool starts;     /* a program, under "started" */
};

extern const struct call calls[];
extern const size_t calls_count;
#define calls_of_names 10

extern int exec_mode; /* MODE_GUARD, unless a test says otherwise */
extern struct kreg *call_registry;
extern struct kreg_owner call_receiver; /* of what is given */

/* Takes the lock "lock", reserves a name and waits in a line. */
void call_hold_all(void);

/* Unregisters all that the calls register. 0, or an error. */
int64_t call_give_up(struct kreg *k);

/* SIGUSR1 calls exec from now on; the next program has @link. */
void exec_expect(int link);

/* What the handler does: does not return. */
void exec_become_next(int signal);

/* What the next program is told to do; it says 0 or an error. At first it says EXEC_RUNS. */
/* It may open twice, and closes what it has opened last. */
enum exec_order { EXEC_OPEN = 1, EXEC_GIVE_UP, EXEC_LOCK, EXEC_CLOSE, EXEC_RUNS };

/* The next program, with the arguments "next", LINK, GUARD, DIRECTORY. */
int exec_next(int link, const char *guard, const char *directory);

#endif
