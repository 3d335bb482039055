/* SPDX-License-Identifier: MIT */
/*
 * The restart policy of a supervisor: what to do when a service has ended. As in
 * Erlang/OTP's supervisor.
 *
 * Promises  no processes, no clock, no state but struct restart_history.
 * Context   one thread.
 * Used by   supervisor_run.c, supervisor_say.c, ward.c.
 */
#ifndef KREG_LIB_RESTART_H
#define KREG_LIB_RESTART_H

#include <stdbool.h>

#include "lib/kreg-services.h"

#pragma GCC visibility push(hidden)

/* How a process ended, in the terms of waitid(2). */
struct ending {
	int code;   /* CLD_EXITED, CLD_KILLED, CLD_DUMPED; 0: unknown */
	int status; /* the exit status or the signal */
};

/* From @status of waitpid(2). */
struct ending ending_of(int status);

/*
 * True after exit status 0, or a signal that asks a process to end. An unknown end is not
 * clean.
 */
bool ending_is_clean(const struct ending *ending);

/* Whether a service with @policy, an enum kreg_restart, is restarted after this end. */
bool restart_is_needed(uint32_t policy, const struct ending *ending);

/* A service, by its place in the order of start. */
struct restart_place {
	uint32_t policy; /* enum kreg_restart */
	bool runs;
	bool is_forgotten; /* it was temporary, and has ended */
};

enum restart_action {
	RESTART_STOP,
	RESTART_FORGET,
	RESTART_START,
};

struct restart_step {
	enum restart_action action;
	size_t place;
};

/*
 * Lists the steps, in order, that restart the service at @place, which no longer runs.
 * @steps has room for 3 * @count. Returns the number of steps.
 */
size_t restart_plan(const struct restart_place *places, size_t count, uint32_t strategy,
		    size_t place, struct restart_step *steps);

/* The places that restart_plan() may touch: from *first up to, but without, *end. */
void restart_reach(uint32_t strategy, size_t count, size_t place, size_t *first, size_t *end);

/*
 * The delay before the @in_row'th restart in a row, counted from 1; @max_ms: see struct
 * kreg_supervised.
 */
uint32_t restart_delay(uint32_t first_ms, uint32_t max_ms, uint32_t in_row);

/* The times of the last restarts. */
struct restart_history {
	uint32_t intensity; /* that many restarts are allowed in a period */
	uint32_t period_ms;
	uint64_t *times; /* of the last restarts, a ring of @intensity */
	uint32_t kept;
	uint32_t next;
};

/* @intensity, @period_ms: as in struct kreg_supervision. -ENOMEM. */
int restart_history_init(struct restart_history *history, uint32_t intensity, uint32_t period_ms);
void restart_history_deinit(struct restart_history *history);

/* Counts a restart at @now_ms, which never goes back. False: the limit is exceeded. */
bool restart_is_allowed(struct restart_history *history, uint64_t now_ms);

#pragma GCC visibility pop

#endif
