/* SPDX-License-Identifier: MIT */
/*
 * What a supervisor tells its log of one service.
 *
 * Context   the supervisor's thread.
 * Used by   supervisor_run.c, supervisor_start.c, supervisor_stop.c, supervisor_change.c.
 */
#ifndef KREG_LIB_SUPERVISOR_SAY_H
#define KREG_LIB_SUPERVISOR_SAY_H

#include "lib/services/tree/supervision.h"
#include "lib/services/supervise/ward.h"

#pragma GCC visibility push(hidden)

/* It runs, as it has been started or found. */
void say_started(const struct supervision *plan, const struct ward *ward);

/* @err: why it could not be started. */
void say_not_started(const struct supervision *plan, const struct ward *ward, int err,
		     const struct kreg_started *started);

/* How it has ended, by itself or @was_told to. */
void say_ended(const struct supervision *plan, const struct ward *ward, const struct ending *ending,
	       bool was_told);

/* The same of one that had ended before its name could be given. */
void say_ended_at_once(const struct supervision *plan, const struct ward *ward,
		       const struct ending *ending);

/* A one-shot has succeeded. */
void say_done(const struct supervision *plan, const struct ward *ward);

/* It was taken over: what of it is not as the plan has it, as far as that can be seen. */
void say_changed(const struct supervision *plan, const struct ward *ward, struct kreg *k);

/* It was taken over, and what it says cannot be heard. */
void say_not_heard(const struct supervision *plan, const struct ward *ward, int err);

#pragma GCC visibility pop

#endif
