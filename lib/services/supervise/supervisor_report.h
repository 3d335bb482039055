/* SPDX-License-Identifier: MIT */
/*
 * What a supervisor reports of its services in the registry, for kreg_service_state().
 *
 * Promises  what is reported is what the supervisor does, or nothing.
 * Needs     the thread that supervises; report_nothing() also another one after that has ended.
 * Used by   supervisor.c, supervisor_run.c, supervisor_start.c, supervisor_stop.c,
 *           supervisor_change.c.
 */
#ifndef KREG_LIB_SUPERVISOR_REPORT_H
#define KREG_LIB_SUPERVISOR_REPORT_H

#include "lib/services/supervise/supervisor.h"

#pragma GCC visibility push(hidden)

/* The service is in @state, an enum kreg_supervised_state, from now on. */
void report(struct kreg_supervisor *s, struct ward *ward, uint32_t state);

/* The same, because it could not be started, with the error and, for -ECHILD, its end. */
void report_not_started(struct kreg_supervisor *s, struct ward *ward, uint32_t state, int err,
			const struct kreg_started *started);

/* Reports what could not be reported. False: there is something that still cannot be. */
bool report_rest(struct kreg_supervisor *s);

/* Of a service that is no longer one, and of all. */
void report_nothing_of(struct kreg_supervisor *s, const struct ward *ward);
void report_nothing(struct kreg_supervisor *s);

#pragma GCC visibility pop

#endif
