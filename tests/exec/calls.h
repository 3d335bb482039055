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

/*
 * Each is made through call_registry. The first calls_of_names act on names, and any
 * thread can make them.
 */
struct call {
	const char *name;
	void (*before)(void); /* not interrupted */
	void (*run)(void);
	uint32_t points; /* how many points to interrupt it at */
	uint32_t most;   /* of its atomic changes; 0: all. A start makes many after the fork */
	bool starts;     /* a program, under "started" */
};

extern const struct call calls[];
extern const size_t calls_count;
#define calls_of_names 10

extern int exec_mode; /* MODE_GUARD, unless a test says otherwise */
extern struct kreg *call_registry;
extern struct kreg_owner call_receiver; /* receives the gifts */

/* Takes the lock "lock", reserves a name and waits in a line. */
void call_hold_all(void);

/* Unregisters all that the calls register. 0, or an error. */
int64_t call_give_up(struct kreg *k);

/* SIGUSR1 calls exec from now on; the next program has @link. */
void exec_expect(int link);

/* What the handler does; does not return. */
void exec_become_next(int signal);

/* Orders to the next program, which answers 0 or an error. At first it sends EXEC_RUNS. */
/* It may open twice, and closes the newest handle. */
enum exec_order {
	EXEC_OPEN = 1,
	EXEC_OPEN_BLIND, /* while no walk of the table succeeds */
	EXEC_GIVE_UP,
	EXEC_LOCK,
	EXEC_REGISTER,
	EXEC_CLOSE,
	EXEC_AGAIN, /* becomes the next program once more, which sends EXEC_RUNS */
	EXEC_RUNS
};

/* No walk succeeds. */
extern bool exec_is_blind;

/* The next program, with the arguments "next", LINK, GUARD, DIRECTORY. */
int exec_next(int link, const char *guard, const char *directory);

#endif
