/* SPDX-License-Identifier: MIT */
/*
 * The policy of a supervisor: what to do when a service has ended. As in Erlang/OTP's supervisor.
 *
 * Promises  no processes, no clock, nothing that is remembered but struct restart_history.
 * Context   one thread.
 * Used by   supervisor_run.c, supervisor_say.c, ward.c.
 */
#ifndef KREG_LIB_RESTART_H
#define KREG_LIB_RESTART_H

#include <stdbool.h>

#include "lib/kreg-services.h"

#pragma GCC visibility push(hidden)

/* How a process has ended, as waitid(2) has it. */
struct ending {
	int code;   /* CLD_EXITED, CLD_KILLED, CLD_DUMPED; 0: nobody can say */
	int status; /* the exit status or the signal */
};

/* Of a @status as waitpid(2) has it. */
struct ending ending_of(int status);

/* By exit status 0, or by a signal that asks to end. Of what nobody can say the worst is thought. */
bool ending_is_clean(const struct ending *ending);

/* Whether a service of @policy, enum kreg_restart, is to be started anew after that. */
bool restart_is_needed(uint32_t policy, const struct ending *ending);

/* A service, at its place in the order of start. */
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
 * The steps, in order, that restart the service at @place, which does not run any more. @steps has room for
 * 3 * @count. Returns how many there are.
 */
size_t restart_plan(const struct restart_place *places, size_t count, uint32_t strategy,
		    size_t place, struct restart_step *steps);

/* The places that restart_plan() may touch: from *first, and before *end. */
void restart_reach(uint32_t strategy, size_t count, size_t place, size_t *first, size_t *end);

/* How long to wait before the @in_row'th restart in a row, from 1 on; @max_ms: see struct kreg_supervised. */
uint32_t restart_delay(uint32_t first_ms, uint32_t max_ms, uint32_t in_row);

/* When the last restarts were. */
struct restart_history {
	uint32_t intensity; /* that many in a period are allowed */
	uint32_t period_ms;
	uint64_t *times; /* of the last ones, a ring of @intensity */
	uint32_t kept;
	uint32_t next;
};

/* @intensity, @period_ms: as struct kreg_supervision has them. -ENOMEM. */
int restart_history_init(struct restart_history *history, uint32_t intensity, uint32_t period_ms);
void restart_history_deinit(struct restart_history *history);

/* One more is needed, at @now_ms, which never goes back. False: that is one too many. */
bool restart_is_allowed(struct restart_history *history, uint64_t now_ms);

#pragma GCC visibility pop

#endif
