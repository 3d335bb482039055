/* SPDX-License-Identifier: MIT */
/*
 * The supervisor's thread. It alone starts services, because the kernel ends them with the thread that has started
 * them; so all that happens to them is in one order.
 *
 *   state      what wakes it                    becomes
 *   starting   nothing                          watching; over, at an error
 *   watching   an order, the end of a service   restarting, over
 *   restarting an order, as long as it waits    watching, with a restart that is owed if one failed
 *              for a service to be ready
 *   over       -                                all are stopped, the name is gone
 *
 * A restart that is owed is tried again after what else has happened was looked at, and counts as one more.
 *
 * Killed here, the name is gone with the process, and the kernel kills the services, or leaves them to the next
 * supervisor if they are to be kept.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "lib/supervisor.h"
#include "lib/supervisor_say.h"
#include "shm/clock.h"

static void stop_ward(struct kreg_supervisor *s, struct ward *ward)
{
	const char *role = ward->what->role;
	struct ending ending;
	int err;

	if (!ward_runs(ward))
		return;
	err = ward_tell(ward, SIGTERM);
	if (!ward_await(ward, ward->what->stop_ms)) {
		supervision_say(&s->plan->what, "%s/%s: pid %d goes on %u ms after SIGTERM: %s",
				s->plan->space, role, ward->pid, ward->what->stop_ms,
				err ? kreg_strerror(err) : "SIGKILL");
		err = ward_tell(ward, SIGKILL);
		if (err)
			supervision_say(&s->plan->what,
					"%s/%s: pid %d cannot be killed, end it by hand: %s",
					s->plan->space, role, ward->pid, kreg_strerror(err));
		ward_await(ward, -1);
	}
	ending = ward_reap(ward);
	say_ended(s->plan, ward, &ending, true);
}

static void stop_all(struct kreg_supervisor *s)
{
	size_t at;

	for (at = s->plan->what.count; at-- > 0;)
		stop_ward(s, &s->wards[at]);
}

static int start_ward(struct kreg_supervisor *s, struct ward *ward, struct kreg_started *started)
{
	int err;

	*started = (struct kreg_started){ .size = sizeof(*started) };
	err = ward_start(ward, s->k, s->plan->space, started, s->orders);
	if (!err)
		say_started(s->plan, ward);
	return err;
}

/* The same, or one that is found running is watched from here on. */
static int start_or_take_over(struct kreg_supervisor *s, struct ward *ward)
{
	struct kreg_started started;
	int err;

	do {
		err = start_ward(s, ward, &started);
		if (err != -EEXIST || !started.ready ||
		    !(s->plan->what.flags & KREG_SUPERVISE_KEEP))
			break;
		err = ward_take_over(ward, s->k, &started.owner);
		if (!err)
			say_started(s->plan, ward);
		if (err == -EBUSY)
			err = -EEXIST;
	} while (err == -ESRCH);
	if (err)
		say_not_started(s->plan, ward, err, &started);
	return err;
}

static int start_all(struct kreg_supervisor *s)
{
	size_t at;
	int err = 0;

	for (at = 0; at < s->plan->what.count && !err; at++) {
		err = start_or_take_over(s, &s->wards[at]);
		if (err)
			supervision_blame(s->why, s->wards[at].what->role);
	}
	if (err)
		stop_all(s);
	return err;
}

static size_t plan_restart(struct kreg_supervisor *s, size_t place)
{
	const struct kreg_supervision *what = &s->plan->what;
	size_t at, first, end;

	for (at = 0; at < what->count; at++) {
		const struct ward *ward = &s->wards[at];

		s->places[at] = (struct restart_place){ .policy = ward->what->restart,
							.runs = ward_runs(ward),
							.is_forgotten = ward->is_forgotten };
	}
	restart_reach(what->strategy, what->count, place, &first, &end);
	for (at = first; at < end; at++)
		s->wards[at].is_owed = false;
	return restart_plan(s->places, what->count, what->strategy, place, s->steps);
}

static void restart(struct kreg_supervisor *s, size_t place)
{
	size_t steps = plan_restart(s, place), i;
	struct kreg_started started;
	int err;

	for (i = 0; i < steps; i++) {
		struct ward *ward = &s->wards[s->steps[i].place];

		switch (s->steps[i].action) {
		case RESTART_STOP:
			stop_ward(s, ward);
			break;
		case RESTART_FORGET:
			ward->is_forgotten = true;
			break;
		case RESTART_START:
			err = start_ward(s, ward, &started);
			if (!err)
				break;
			/* That it was given up is found out by who looks for orders. */
			if (err != -ECANCELED)
				say_not_started(s->plan, ward, err, &started);
			ward->is_owed = true;
			return;
		}
	}
}

/* False: it was one restart too many, and all is over. */
static bool restart_if_allowed(struct kreg_supervisor *s, size_t place)
{
	const struct kreg_supervision *what = &s->plan->what;

	if (restart_is_allowed(&s->history, clock_now() / 1000000)) {
		restart(s, place);
		return true;
	}
	supervision_say(what,
			"%s: %s needs one more restart, but not more than %u within %u ms are allowed: "
			"all services of %s are stopped",
			s->plan->space, s->wards[place].what->role, s->history.intensity,
			s->history.period_ms, s->plan->space);
	return false;
}

/* @place: of a service that has ended, or is owed a restart. False: it is time to stop. */
static bool wait_for_work(struct kreg_supervisor *s, size_t *place)
{
	size_t count = s->plan->what.count, at, owed = count;

	s->polled[0] = (struct pollfd){ .fd = s->orders, .events = POLLIN };
	for (at = 0; at < count; at++) {
		s->polled[at + 1] =
			(struct pollfd){ .fd = s->wards[at].end, .events = POLLIN };
		if (s->wards[at].is_owed && owed == count)
			owed = at;
	}
	while (poll(s->polled, count + 1, owed < count ? 0 : -1) < 0)
		;
	if (s->polled[0].revents)
		return false;
	for (at = 0; at < count && !s->polled[at + 1].revents; at++)
		;
	*place = at < count ? at : owed;
	return true;
}

/* False: one restart too many was needed. */
static bool watch(struct kreg_supervisor *s)
{
	size_t place;

	while (wait_for_work(s, &place)) {
		struct ward *ward = &s->wards[place];
		struct ending ending;

		if (ward_runs(ward)) {
			ending = ward_reap(ward);
			say_ended(s->plan, ward, &ending, false);
			ward->is_forgotten = ward->what->restart == KREG_RESTART_TEMPORARY;
			if (!restart_is_needed(ward->what->restart, &ending))
				continue;
		}
		if (!restart_if_allowed(s, place))
			return false;
	}
	return true;
}

static void say_over(struct kreg_supervisor *s)
{
	const uint64_t one = 1;

	while (write(s->ended, &one, sizeof(one)) < 0 && errno == EINTR)
		;
}

static int begin(struct kreg_supervisor *s)
{
	struct kreg_found holder = { 0 };
	int err = kreg_service_register(s->k, s->plan->space, KREG_ROLE_SUPERVISOR, NULL, 0,
					&holder);

	if (err == -EEXIST)
		supervision_say(&s->plan->what,
				"%s: pid %d supervises it already: end that one first, or take another namespace",
				s->plan->space, holder.owner.pid);
	if (err) {
		supervision_blame(s->why, KREG_ROLE_SUPERVISOR);
		return err;
	}
	err = start_all(s);
	if (err)
		kreg_service_unregister(s->k, s->plan->space, KREG_ROLE_SUPERVISOR);
	return err;
}

void *supervisor_run(void *data)
{
	struct kreg_supervisor *s = data;
	bool has_begun, was_ordered;

	s->result = begin(s);
	has_begun = !s->result;
	sem_post(&s->begun);
	if (!has_begun)
		return NULL;
	was_ordered = watch(s);
	stop_all(s);
	kreg_service_unregister(s->k, s->plan->space, KREG_ROLE_SUPERVISOR);
	supervision_say(&s->plan->what, "%s: all services are stopped", s->plan->space);
	if (!was_ordered)
		say_over(s);
	return NULL;
}
