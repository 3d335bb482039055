/* SPDX-License-Identifier: MIT */
/*
 *   state       becomes, by
 *   waiting     starting: a start; stopped: a stop
 *   starting    running: it is ready; done: a one-shot's success; restarting: it is owed another
 *               try; failed: it is not
 *   running     stopping: a stop; restarting, done, failed: its own end, by its policy
 *   restarting  starting: the restart is due; stopped: a stop; failed: the restart limit
 *   stopping    stopped: it has ended
 *   stopped     starting: a start
 *   done        starting: a restart with others
 *   failed      starting: a restart with others
 *
 * A change of the plan makes it waiting, for a start, or removes it. A state that could not be
 * reported is not reported in part: nothing is, and wait_for_news() wakes up for another try.
 */
#include "lib/services/supervise/supervisor_report.h"

#include <errno.h>
#include <signal.h>

#include "base/clock.h"
#include "lib/services/supervise/supervisor_say.h"

/* The signal or the exit status is only known of children. */
static struct kreg_end end_of(const struct ending *ending)
{
	if (ending->code != CLD_EXITED && ending->code != CLD_KILLED && ending->code != CLD_DUMPED)
		return (struct kreg_end){ 0 };
	return (struct kreg_end){ .code = ending->code, .status = ending->status };
}

static bool has_process(uint32_t state)
{
	return state == KREG_STATE_RUNNING || state == KREG_STATE_STOPPING;
}

static int report_once(const struct kreg_supervisor *s, const struct ward *ward)
{
	struct reported_state state = {
		.supervisor = s->number,
		.since = ward->state_since,
		.due = ward->state == KREG_STATE_RESTARTING ? ward->due : 0,
		.state = ward->state,
		.error = ward->error,
		.restarts = ward->restarts,
		.in_row = ward->in_row,
		.end = end_of(&ward->ending),
	};

	if (has_process(ward->state)) {
		state.program = ward->owner.token;
		state.pid = ward->owner.pid;
	}
	return kreg_inner_report(s->k, s->plan->space, ward->what->role, &state);
}

void report(struct kreg_supervisor *s, struct ward *ward, uint32_t state)
{
	int err;

	ward->state = state;
	ward->state_since = clock_now();
	if (state == KREG_STATE_RUNNING || state == KREG_STATE_DONE)
		ward->error = 0;
	err = report_once(s, ward);
	ward->is_unreported = err != 0;
	if (err && !s->has_complained)
		say_not_reported(s->plan, err);
	s->has_complained |= err != 0;
}

void report_not_started(struct kreg_supervisor *s, struct ward *ward, uint32_t state, int err,
			const struct kreg_started *started)
{
	ward->error = err;
	if (err == -ECHILD)
		ward->ending = ending_of(started->status);
	report(s, ward, state);
}

bool report_rest(struct kreg_supervisor *s)
{
	size_t at;
	bool is_reported = true;

	for (at = 0; at < s->plan->what.count && is_reported; at++) {
		struct ward *ward = &s->wards.at[at];

		if (ward->is_unreported)
			ward->is_unreported = report_once(s, ward) != 0;
		is_reported = !ward->is_unreported;
	}
	return is_reported;
}

void report_nothing_of(struct kreg_supervisor *s, const struct ward *ward)
{
	kreg_inner_unreport(s->k, s->plan->space, ward->what->role, s->number);
}

void report_nothing(struct kreg_supervisor *s)
{
	size_t at;

	for (at = 0; at < s->plan->what.count; at++)
		report_nothing_of(s, &s->wards.at[at]);
}
