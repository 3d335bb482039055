/* SPDX-License-Identifier: MIT */
/*
 * Starts one service, or takes over one that runs.
 *
 * A one-shot is started like a service that never becomes ready: its name stays reserved
 * while it runs, and its end is the result.
 *
 *   the start returns     and it is                    meaning
 *   0                     a service                    it runs
 *   0                     a one-shot that said READY   it runs, and its end is awaited
 *   -ECHILD, status 0     a one-shot                   it has succeeded
 *   -ECHILD               ready as soon as it runs     it ran, and ended before it was published
 *   an error              -                            it has failed
 *
 * What an earlier start has left is ended first, whether this supervisor made that start
 * or one that was killed.
 */
#include <errno.h>
#include <signal.h>
#include <string.h>

#include "lib/services/supervise/supervisor.h"
#include "lib/services/supervise/supervisor_say.h"
#include "lib/services/supervise/supervisor_report.h"
#include "base/clock.h"
#include "base/fd.h"

static uint64_t end_of_rest(const struct ward *ward)
{
	return clock_after_ms(ward->what->stop_ms);
}

static int finish_oneshot(struct kreg_supervisor *s, struct ward *ward, int err,
			  struct kreg_started *started)
{
	struct ending ending;

	if (!err) {
		while (!ward_await(ward, clock_after_ms(FD_EVENT_LOOK_MS), s->asked)) {
			supervisor_hear(s);
			if (!s->is_to_stop && !s->has_next)
				continue;
			supervisor_stop_ward(s, ward);
			return -ECANCELED;
		}
		ending = ward_look(ward);
	} else if (err == -ECHILD) {
		ending = ending_of(started->status);
	} else {
		return err;
	}
	supervisor_end_rest(s, ward, end_of_rest(ward));
	if (ward_runs(ward))
		ward_reap(ward);
	if (ending.code != CLD_EXITED || ending.status) {
		started->status = ending.code == CLD_EXITED ? ending.status << 8 : ending.status;
		return -ECHILD;
	}
	say_done(s->plan, ward);
	ward->ending = ending;
	report(s, ward, KREG_STATE_DONE);
	return 0;
}

/* Reported first, because a test or a program may act on the message. */
static void start_is_done(struct kreg_supervisor *s, struct ward *ward)
{
	report(s, ward, KREG_STATE_RUNNING);
	say_started(s->plan, ward);
}

/* It has run: its end is treated like any other. */
static int finish_ended(struct kreg_supervisor *s, struct ward *ward, const struct ending *ending)
{
	supervisor_end_rest(s, ward, end_of_rest(ward));
	ward->since = clock_now();
	supervisor_note_end(s, ward, ending);
	say_ended_at_once(s->plan, ward, ending);
	return 0;
}

int supervisor_start(struct kreg_supervisor *s, struct ward *ward, struct kreg_started *started)
{
	struct kreg_start how = *ward->what->start;
	bool is_oneshot = ward->what->flags & KREG_SERVICE_ONESHOT;
	char folder[CGROUPS_FOLDER_BYTES];
	struct start_within within = { .stop = s->asked,
				       .cgroups = &s->cgroups,
				       .folder = folder,
				       .sign = s->sign_name,
				       .hearer = &s->hearer };
	struct ending ending;
	int err;

	*started = (struct kreg_started){ .size = sizeof(*started) };
	supervisor_hear(s);
	if (s->is_to_stop)
		return -ECANCELED;
	if (ward->group.cgroup < 0)
		ward->group.cgroup = cgroups_enter(&s->cgroups, ward->what->role);
	if (is_oneshot)
		how.ready = KREG_READY_NOTIFY;
	ward->is_refused = false;
	cgroups_folder(folder, ward->what->role);
	report(s, ward, KREG_STATE_STARTING);
	err = ward_start(ward, s->k, &how, started, &within);
	if (is_oneshot)
		err = finish_oneshot(s, ward, err, started);
	else if (!err)
		start_is_done(s, ward);
	if (err == -ECHILD && !is_oneshot) {
		ending = ending_of(started->status);
		if (how.ready == KREG_READY_EXEC)
			return finish_ended(s, ward, &ending);
	}
	/* Its own process has been killed and reaped by now. */
	if (err && err != -EEXIST)
		supervisor_end_rest(s, ward, end_of_rest(ward));
	return err;
}

/*
 * Its starter may have put it into another cgroup than the one that was opened for this
 * start.
 */
static void find_cgroup(struct kreg_supervisor *s, struct ward *ward,
			const struct kreg_owner *owner)
{
	int found = cgroups_find(&s->cgroups, ward->what->role, s->k, owner);

	if (found < 0)
		return;
	/*
	 * If it is another one, the one that was opened is empty; the kernel removes no
	 * other.
	 */
	supervisor_leave_cgroup(ward);
	ward->group.cgroup = found;
}

int supervisor_start_or_take_over(struct kreg_supervisor *s, struct ward *ward)
{
	struct kreg_started started;
	int err, deaf;

	do {
		err = supervisor_start(s, ward, &started);
		if (err != -EEXIST || !started.ready ||
		    !(s->plan->what.flags & KREG_SUPERVISE_KEEP))
			break;
		err = ward_take_over(ward, s->k, &started.owner);
		if (!err) {
			start_is_done(s, ward);
			say_changed(s->plan, ward, s->k);
			find_cgroup(s, ward, &started.owner);
			deaf = ward_follow(ward, s->k, &started.owner, &s->hearer);
			if (deaf && deaf != -ESRCH)
				say_not_heard(s->plan, ward, deaf);
			/* With KREG_SUPERVISE_REAP it may have become this process's child. */
			ward->is_reaped = true;
		}
		if (err == -EBUSY)
			err = -EEXIST;
	} while (err == -ESRCH);
	if (err)
		supervisor_leave_cgroup(ward);
	if (err)
		report_not_started(s, ward, KREG_STATE_FAILED, err, &started);
	if (err && err != -ECANCELED)
		say_not_started(s->plan, ward, err, &started);
	return err;
}

static int say_stranger(const struct kreg_service *service, void *data)
{
	const struct kreg_supervisor *s = data;
	size_t at;

	if (!strcmp(service->role, KREG_ROLE_SUPERVISOR))
		return 0;
	for (at = 0; at < s->plan->what.count; at++) {
		if (!strcmp(s->plan->services[at].role, service->role))
			return 0;
	}
	supervision_say(
		&s->plan->what,
		"%s/%s: runs as pid %d but is no longer one of the services, and is left alone: "
		"`regtool signal %s/%s TERM` ends it",
		s->plan->space, service->role, service->owner.pid, s->plan->space, service->role);
	return 0;
}

void supervisor_say_strangers(struct kreg_supervisor *s)
{
	kreg_service_each(s->k, s->plan->space, say_stranger, s);
}
