/* SPDX-License-Identifier: MIT */
/*
 * What a supervisor logs about one service.
 *
 * Context   the supervisor's thread.
 * Used by   supervisor_run.c, supervisor_start.c, supervisor_stop.c, supervisor_change.c.
 */
#ifndef KREG_LIB_SUPERVISOR_SAY_H
#define KREG_LIB_SUPERVISOR_SAY_H

#include "lib/services/tree/supervision.h"
#include "lib/services/supervise/ward.h"

#pragma GCC visibility push(hidden)

/* It runs, started or taken over. */
void say_started(const struct supervision *plan, const struct ward *ward);

/* @err: why it could not be started. */
void say_not_started(const struct supervision *plan, const struct ward *ward, int err,
		     const struct kreg_started *started);

/* How it ended, by itself or because it @was_asked to. */
void say_ended(const struct supervision *plan, const struct ward *ward, const struct ending *ending,
	       bool was_asked);

/* The same for a service that ended before its name was published. */
void say_ended_at_once(const struct supervision *plan, const struct ward *ward,
		       const struct ending *ending);

/* It would need one more restart than the limit allows. */
void say_limit_reached(const struct supervision *plan, const struct ward *ward,
		       const struct restart_history *history);
/* A one-shot succeeded. */
void say_done(const struct supervision *plan, const struct ward *ward);

/*
 * After a takeover: which of its properties differ from the plan, as far as they can be
 * seen.
 */
void say_changed(const struct supervision *plan, const struct ward *ward, struct kreg *k);

/* After a takeover: its messages cannot be received. */
/* That states of services cannot be reported. */
void say_not_reported(const struct supervision *plan, int err);
void say_not_heard(const struct supervision *plan, const struct ward *ward, int err);

#pragma GCC visibility pop

#endif
