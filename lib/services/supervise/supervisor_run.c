/* SPDX-License-Identifier: MIT */
/*
 * The supervisor's thread. Only this thread starts services, because the kernel ends them
 * with the thread that started them. So everything that happens to them happens in one
 * order.
 *
 *   state      woken by                         becomes
 *   starting   a request                        watching; over, after an error or a request. After
 *                                               an error services that were taken over go on
 *   watching   a request, a change, the end of  restarting, changing, over
 *              a service, a restart that is due
 *   restarting a request or a change, while it  watching; if a restart failed, it is owed
 *              waits for a service
 *   changing   a request                        watching, over
 *   stopping   a second request                 the same, in haste
 *   over       -                                all are stopped, the name is gone
 *
 * A restart that is owed is tried when it is due and no other event is pending. Each
 * attempt counts against the restart limit.
 *
 * Killed here, the name goes with the process. The kernel kills the services, or leaves
 * them to the next supervisor if they are to be kept; what they had started is killed by
 * their minders (start_minder.c).
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "lib/services/supervise/service_left.h"
#include "lib/services/supervise/supervisor.h"
#include "lib/services/supervise/supervisor_say.h"
#include "lib/services/supervise/supervisor_report.h"
#include "base/clock.h"
#include "base/fd.h"

/* How long a state that could not be reported waits for another try. */
#define REPORT_AGAIN_MS 500

static int start_all(struct kreg_supervisor *s)
{
	size_t at;
	int err = 0;

	for (at = 0; at < s->plan->what.count && !err; at++) {
		err = supervisor_start_or_take_over(s, &s->wards.at[at]);
		if (err)
			supervision_blame(s->why, s->wards.at[at].what->role);
	}
	return err;
}

static size_t plan_restart(struct kreg_supervisor *s, size_t place)
{
	const struct kreg_supervision *what = &s->plan->what;
	size_t at, first, end;

	for (at = 0; at < what->count; at++) {
		const struct ward *ward = &s->wards.at[at];

		s->wards.places[at] = (struct restart_place){
			.policy = ward->is_refused ? KREG_RESTART_TEMPORARY : ward->what->restart,
			.runs = ward_runs(ward),
			.is_forgotten = ward->is_forgotten || ward->is_refused
		};
	}
	restart_reach(what->strategy, what->count, place, &first, &end);
	for (at = first; at < end; at++)
		s->wards.at[at].is_owed = false;
	return restart_plan(s->wards.places, what->count, what->strategy, place, s->wards.steps);
}

static void owe(struct kreg_supervisor *s, struct ward *ward)
{
	const struct kreg_supervised *what = ward->what;

	if (clock_now() - ward->since > (uint64_t)s->history.period_ms * 1000000)
		ward->in_row = 0;
	ward->in_row++;
	ward->is_owed = true;
	ward->due =
		clock_after_ms(restart_delay(what->restart_ms, what->restart_max_ms, ward->in_row));
}

void supervisor_note_end(struct kreg_supervisor *s, struct ward *ward, const struct ending *ending)
{
	ward->is_forgotten = ward->what->restart == KREG_RESTART_TEMPORARY;
	ward->is_refused = ward->left && ending->code == CLD_EXITED && !ending->status;
	if (!ward->is_refused && restart_is_needed(ward->what->restart, ending))
		owe(s, ward);
	ward->ending = *ending;
	report(s, ward,
	       ward->is_refused ? KREG_STATE_FAILED
	       : ward->is_owed  ? KREG_STATE_RESTARTING
				: KREG_STATE_DONE);
}

static void restart(struct kreg_supervisor *s, size_t place)
{
	size_t steps = plan_restart(s, place), i;
	struct kreg_started started;
	int err;

	for (i = 0; i < steps; i++) {
		struct ward *ward = &s->wards.at[s->wards.steps[i].place];

		switch (s->wards.steps[i].action) {
		case RESTART_STOP:
			supervisor_stop_ward(s, ward);
			break;
		case RESTART_FORGET:
			ward->is_forgotten = true;
			break;
		case RESTART_START:
			ward->restarts++;
			err = supervisor_start(s, ward, &started);
			if (!err)
				break;
			owe(s, ward);
			if (err == -ECANCELED) {
				ward->due = clock_now();
				ward->restarts--;
			}
			report_not_started(s, ward, KREG_STATE_RESTARTING, err, &started);
			if (err != -ECANCELED)
				say_not_started(s->plan, ward, err, &started);
			return;
		}
	}
}

/* False: the restart limit is reached, and the tree ends. */
static bool restart_if_allowed(struct kreg_supervisor *s, size_t place)
{
	if (restart_is_allowed(&s->history, clock_now() / 1000000)) {
		restart(s, place);
		return true;
	}
	report(s, &s->wards.at[place], KREG_STATE_FAILED);
	say_limit_reached(s->plan, &s->wards.at[place], &s->history);
	return false;
}

/* Returns when there may be something to do. */
static void wait_for_news(struct kreg_supervisor *s)
{
	size_t count = s->plan->what.count, at;
	struct pollfd *polled = s->wards.polled;
	uint64_t due = clock_after_ms(report_rest(s) ? FD_EVENT_LOOK_MS : REPORT_AGAIN_MS);
	struct timespec left;

	polled[POLLED_ASKED] = (struct pollfd){ .fd = s->asked, .events = POLLIN };
	polled[POLLED_CHILDREN] = (struct pollfd){ .fd = s->children, .events = POLLIN };
	for (at = 0; at < count; at++) {
		const struct ward *ward = &s->wards.at[at];

		polled[POLLED_FIRST + at] = (struct pollfd){ .fd = ward->end, .events = POLLIN };
		if (ward->is_owed && ward->due < due)
			due = ward->due;
	}
	left = clock_left(due);
	while (ppoll(polled, POLLED_FIRST + count, &left, NULL) < 0)
		;
}

/* Finds a service that has ended, or else one whose restart is due. */
static bool find_work(struct kreg_supervisor *s, size_t *place)
{
	size_t count = s->plan->what.count, at;

	for (at = 0; at < count; at++) {
		if (s->wards.polled[POLLED_FIRST + at].revents && ward_runs(&s->wards.at[at])) {
			*place = at;
			return true;
		}
	}
	for (at = 0; at < count; at++) {
		if (s->wards.at[at].is_owed && s->wards.at[at].due <= clock_now()) {
			*place = at;
			return true;
		}
	}
	return false;
}

/* False: the restart limit is reached. */
static bool attend(struct kreg_supervisor *s, size_t place)
{
	struct ward *ward = &s->wards.at[place];
	struct ending ending;

	if (ward_runs(ward)) {
		ending = ward_look(ward);
		supervisor_end_rest(s, ward, clock_after_ms(ward->what->stop_ms));
		ward_reap(ward);
		supervisor_note_end(s, ward, &ending);
		say_ended(s->plan, ward, &ending, false);
		if (!ward->is_owed || ward->due > clock_now())
			return true;
	}
	return restart_if_allowed(s, place);
}

/* Returns why the tree has to end. */
static int watch(struct kreg_supervisor *s)
{
	size_t place;

	for (;;) {
		supervisor_reap(s);
		if (s->sign < 0)
			s->sign = notify_sign_open(s->sign_name, false);
		wait_for_news(s);
		supervisor_hear(s);
		if (s->is_to_stop)
			return -ECANCELED;
		if (s->has_next)
			supervisor_apply(s);
		else if (find_work(s, &place) && !attend(s, place))
			return -ENOTRECOVERABLE;
	}
}

static void say_over(struct kreg_supervisor *s, int why)
{
	pthread_mutex_lock(&s->gate);
	s->outcome = why;
	s->is_over = true;
	pthread_mutex_unlock(&s->gate);
	pair_signal(&s->ended);
	supervisor_hear(s);
	if (!s->has_next)
		return;
	s->result = -ESHUTDOWN;
	sem_post(&s->begun);
}

/* Orphans of the services become children of this process, so that it notices their end. */
static void become_parent(struct kreg_supervisor *s)
{
	sigset_t ends;

	if (!(s->plan->what.flags & KREG_SUPERVISE_REAP))
		return;
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	sigemptyset(&ends);
	sigaddset(&ends, SIGCHLD);
	s->children = fd_signals(&ends);
}

/*
 * If the name of the sign is taken, there is none until it is free: watch() tries again.
 * Until then minders end nothing, or, when the other process has closed the socket, too
 * early.
 */
static void put_sign_out(struct kreg_supervisor *s)
{
	char key[KREG_KEY_MAX];
	ssize_t size =
		kreg_inner_service_key(s->plan->space, KREG_ROLE_SUPERVISOR, key, sizeof(key));

	notify_name(s->sign_name, s->k, key, (size_t)size);
	s->sign = notify_sign_open(s->sign_name, true);
	if (s->sign == -EADDRINUSE)
		supervision_say(&s->plan->what,
				"%s: another process has bound the socket @%s: until it closes "
				"that, what services leave may be killed without SIGTERM",
				s->plan->space, s->sign_name);
}

static int begin(struct kreg_supervisor *s)
{
	const struct kreg_supervision *what = &s->plan->what;
	struct kreg_found holder = { 0 };
	int err = kreg_service_register(s->k, s->plan->space, KREG_ROLE_SUPERVISOR, what->value,
					what->value ? strlen(what->value) : 0, &holder);
	size_t at;

	if (err == -EEXIST)
		supervision_say(what,
				"%s: already supervised by pid %d: stop that supervisor, or use "
				"another namespace",
				s->plan->space, holder.owner.pid);
	if (err) {
		supervision_blame(s->why, KREG_ROLE_SUPERVISOR);
		return err;
	}
	for (at = 0; at < what->count; at++)
		report(s, &s->wards.at[at], KREG_STATE_WAITING);
	become_parent(s);
	put_sign_out(s);
	if (!(what->flags & KREG_SUPERVISE_NO_CGROUPS))
		cgroups_open(&s->cgroups, kreg_inner_origin(s->k), s->plan->space);
	service_left_clear(s->k, s->plan->space, &s->cgroups, what);
	err = start_all(s);
	if (!err && what->flags & KREG_SUPERVISE_KEEP)
		supervisor_say_strangers(s);
	return err;
}

/* @why: what was given up is reported until the supervisor is freed. */
static void end(struct kreg_supervisor *s, int why)
{
	supervisor_stop_all(s);
	if (why != -ENOTRECOVERABLE)
		report_nothing(s);
	cgroups_close(&s->cgroups);
	fd_close(&s->sign);
	kreg_service_unregister(s->k, s->plan->space, KREG_ROLE_SUPERVISOR);
}

static void supervise(struct kreg_supervisor *s)
{
	int why, err = supervisor_open(s);

	if (!err) {
		err = begin(s);
		if (err && err != -ECANCELED)
			supervisor_let_found_go(s);
		if (err && strcmp(s->why, KREG_ROLE_SUPERVISOR) != 0)
			end(s, err);
	}
	s->result = err;
	sem_post(&s->begun);
	if (err)
		return;
	why = watch(s);
	end(s, why);
	supervision_say(&s->plan->what, "%s: all services are stopped", s->plan->space);
	say_over(s, why);
}

void *supervisor_run(void *data)
{
	struct kreg_supervisor *s = data;

	outside_enter(&s->outside);
	kreg_inner_outside(&s->outside);
	supervise(s);
	supervisor_close(s);
	kreg_inner_outside(NULL);
	outside_leave(&s->outside);
	return NULL;
}
