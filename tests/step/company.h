/* SPDX-License-Identifier: MIT */
/*
 * Company: the processes beside the victim, which is killed, stopped or made to call
 * exec.
 *
 * Promises  the bystander has names of its own; the waiter has a thread for each kind of wait,
 *           waits as ordered, and reports when it was woken; the listener keeps a mirror of
 *           all its events.
 * Needs     company_start() by a process that will be their parent until company_end().
 * Used by   checker.c, operations.c, point.c.
 *
 * They receive orders and answer through a board in memory that all share, so that no
 * process can be blocked by a pipe that another one does not read.
 */
#ifndef KREG_TESTS_STEP_COMPANY_H
#define KREG_TESTS_STEP_COMPANY_H

#include <pthread.h>
#include <semaphore.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "lib/kreg.h"
#include "tests/support/clock.h"

/* Longer is a hang. */
#define COMPANY_WAIT_MS 5000
/* For waits that are expected to hang. */
#define COMPANY_LONG_MS 300000
#define COMPANY_MIRROR 64
#define COMPANY_KEY 128
/* A counter is added to in place, which listeners are not notified of. */
#define COMPANY_COUNTER "o-counter"

/* How all processes open the registry. */
struct place_of_registry {
	const char *directory;
	const char *guard; /* its folder, or "none" */
	const char *name;
};
int registry_open(const struct place_of_registry *at, const char *name, struct kreg **out);

enum wait_kind { WAIT_NAME, WAIT_GONE, WAIT_TURN, WAIT_LOCK, WAITS };

enum bystander_order {
	BYSTANDER_RESET,      /* has its names again, and nothing else */
	BYSTANDER_CHANGE,     /* registers, updates and unregisters a name */
	BYSTANDER_LEAVE_LINE, /* unregisters the name that others wait in line for */
	BYSTANDER_LOCK,
	BYSTANDER_UNLOCK,
	BYSTANDER_UNREGISTER, /* of the order's key */
	BYSTANDER_SWEEP,
};

struct order {
	sem_t given, done;
	int what;
	char key[COMPANY_KEY];
	struct kreg_owner owner;
	int64_t result;
	uint32_t tid;
	int waiting; /* it is about to sleep, or does */
};

struct mirrored {
	char key[COMPANY_KEY];
	char value[COMPANY_KEY];
	uint64_t owner;
};

struct company {
	struct place_of_registry at;
	struct board *board;
	pid_t bystander, waiter, listener; /* 0: none */
	struct kreg_owner bystander_owner, waiter_owner;
};

struct board {
	struct order bystander;
	struct order waits[WAITS];
	struct kreg_owner owners[2];
	sem_t ready;
	pthread_mutex_t mirror_mutex;
	uint32_t mirror_count;
	int64_t mirror_error;
	struct mirrored mirror[COMPANY_MIRROR];
};

/* @watched: with waiter and listener. */
int company_start(struct company *company, const struct place_of_registry *at, bool watched);
void company_end(struct company *company);

/* The bystander's result; -ETIME: it has not answered within COMPANY_WAIT_MS. */
int64_t company_ask(struct company *company, enum bystander_order what, const char *key);

/*
 * Makes the waiter wait for @key, and returns when it sleeps: until any process holds it;
 * until @owner does not hold it; in line, with the value "w"; for the lock.
 */
int company_wait(struct company *company, enum wait_kind kind, const char *key,
		 const struct kreg_owner *owner);

/*
 * Whether the wait has ended; within @ms, which is set to how long it took. Return: the
 * result of the call, or -ETIME.
 */
int64_t company_waited(struct company *company, enum wait_kind kind, int ms);

/* Gives up what the wait obtained, if it was for a turn. */
int company_drop(struct company *company, enum wait_kind kind);
/* Each of them reclaims what it has retired. */
int company_sweep(struct company *company);

/* Whether the mirror has exactly the @count entries, in any order. */
bool company_mirror_is(struct company *company, const struct mirrored *entries, uint32_t count);

#endif
