/* SPDX-License-Identifier: MIT */
/*
 * A worker: a process that takes part in one history after another, and records its
 * operations.
 *
 * Promises  the record can be read while the worker runs, and after it was killed at any
 *           instruction: at most its last operation is pending.
 * Needs     a director on the other end of its link:
 *
 *           the worker receives   the history's number, when the plan is on the board
 *           the worker sends      the same number, when it has no name any longer
 *           the worker waits      until worker_go() has set board->go to that number
 *           the worker sends      the same number, when it has done its part, if it has one
 *
 * Used by   proc_linear.c.
 */
#ifndef KREG_TESTS_LINEAR_WORKER_H
#define KREG_TESTS_LINEAR_WORKER_H

#include <sys/types.h>

#include "lib/kreg.h"
#include "tests/linear/history.h"

enum worker_state { WORKER_WORKS, WORKER_STOPPED, WORKER_FINISHED };

/* One for each worker; @count first grows when the operation's begin is recorded. */
struct worker_page {
	uint32_t state;
	uint32_t
		stop_at; /* the operation from which on it stops inside, to be killed; or OWN_MAX */
	uint32_t count;
	struct operation operations[OWN_MAX];
} __attribute__((aligned(64)));

/* In memory that all share. */
struct worker_board {
	/* the plan: does not change from the start order until all workers are done */
	uint64_t seed;
	uint32_t history;
	uint32_t workers; /* the first ones, which take part */
	uint32_t keys;
	uint32_t each; /* operations of each worker */
	enum form form;
	pid_t pids[WORKERS_MAX];
	/* in the registry of unique keys; each worker writes its own when it starts */
	struct kreg_owner owners[WORKERS_MAX];
	uint32_t go __attribute__((aligned(64)));
	uint32_t ticks __attribute__((aligned(64)));
	/* futexes: the tick that each worker, and the director, sleeps for; 0: it does not */
	uint32_t until[WORKERS_MAX + 1] __attribute__((aligned(64)));
	struct worker_page pages[WORKERS_MAX];
};

#define DIRECTOR WORKERS_MAX

struct worker_start {
	struct worker_board *board;
	int mode;
	uint32_t number;
};

/*
 * Call before any worker is started: learns where they may stop inside calls. 0 or a
 * negative errno.
 */
int worker_learn(const struct worker_start *start);

/* The registry of one form of history: "linear", or "linear-dup" with duplicate keys. */
struct kreg *worker_open(int mode, enum form form);

/* For child_start(); @data is a struct worker_start. */
int worker_run(int link, void *data);

void worker_go(struct worker_board *board, uint32_t history);

/* Whether any worker is running, so that there will be more ticks. */
bool worker_any_works(struct worker_board *board);

/*
 * The next tick, which wakes those that sleep for it. Everything before it happens before everything after a later one.
 */
uint32_t worker_tick(struct worker_board *board);

/* Wakes the director; and all, if no worker works any longer. */
void worker_set_state(struct worker_board *board, uint32_t number, enum worker_state state);

/* Sleeps until the tick has come or no worker works. @number: of the worker that sleeps, or DIRECTOR. */
void worker_await_tick(struct worker_board *board, uint32_t number, uint32_t tick);

/* The director sleeps until this one is ready for its death: in the operation where it must die, or after the last. */
void worker_await_victim(struct worker_board *board, uint32_t number);

/* Vigna's splitmix64: any state is a good one. */
uint64_t worker_random(uint64_t *state);

#endif
