/* SPDX-License-Identifier: MIT */
/*
 * Replaces the current plan while its services run.
 *
 *   a service that is in    and                   it is
 *   the old plan only       -                     stopped
 *   both                    started differently   stopped, and started again
 *   both                    started alike         left alone, with the new plan's policy and times
 *   the new plan only       -                     started
 *
 * First all that has to be stopped is stopped, in the reverse order of the old plan. Then
 * all that has to be started is started, in the order of the new plan. A service that
 * fails to start stays down until the next change, as do the services that start after
 * it. Nothing is touched before all memory is allocated.
 *
 * Killed here: as anywhere else in the supervisor.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/services/supervise/supervisor.h"
#include "lib/services/supervise/supervisor_say.h"
#include "lib/services/supervise/supervisor_report.h"

static bool are_equal(const char *a, const char *b)
{
	return a == b || (a && b && !strcmp(a, b));
}

static bool are_equal_lists(const char *const *a, const char *const *b)
{
	static const char *const none[] = { NULL };

	a = a ? a : none;
	b = b ? b : none;
	while (*a && *b && !strcmp(*a, *b)) {
		a++;
		b++;
	}
	return !*a && !*b;
}

/* Whether both are started in the same way: what only matters after the start may differ. */
static bool is_started_alike(const struct kreg_supervised *a, const struct kreg_supervised *b)
{
	const struct kreg_start *x = a->start, *y = b->start;

	return a->flags == b->flags && are_equal_lists(x->argv, y->argv) &&
	       are_equal_lists(x->environment, y->environment) &&
	       are_equal(x->directory, y->directory) && are_equal(x->output, y->output) &&
	       x->value_size == y->value_size &&
	       (!x->value_size || !memcmp(x->value, y->value, x->value_size)) &&
	       x->flags == y->flags && x->ready == y->ready && x->ready_fd == y->ready_fd;
}

static struct ward *find_ward(struct wards *wards, size_t count, const char *role)
{
	size_t i;

	for (i = 0; i < count; i++) {
		if (!strcmp(wards->at[i].what->role, role))
			return &wards->at[i];
	}
	return NULL;
}

static void stop_others(struct kreg_supervisor *s, struct wards *next)
{
	size_t at;

	for (at = s->plan->what.count; at-- > 0;) {
		struct ward *ward = &s->wards.at[at];
		struct ward *same = find_ward(next, s->next->what.count, ward->what->role);

		if (!same || !is_started_alike(ward->what, same->what))
			supervisor_stop_ward(s, ward);
		if (!same)
			report_nothing_of(s, ward);
	}
}

/* Returns the number of services that are left alone. */
static size_t move_wards(struct kreg_supervisor *s, struct wards *next, bool *is_new)
{
	size_t i, moved = 0;

	for (i = 0; i < s->next->what.count; i++) {
		struct ward *to = &next->at[i];
		struct ward *from = find_ward(&s->wards, s->plan->what.count, to->what->role);
		const struct kreg_supervised *what = to->what;
		const struct service_group group = to->group;

		is_new[i] = !from || from->is_down || !is_started_alike(from->what, what);
		if (is_new[i])
			continue;
		*to = *from;
		to->what = what;
		to->group.space = group.space;
		to->group.role = group.role;
		from->group.cgroup = from->end = from->signals = -1;
		moved++;
	}
	return moved;
}

static bool waits_for_new(const struct kreg_supervisor *s, const struct ward *ward,
			  const bool *is_new)
{
	const char *const *role = ward->what->after;
	size_t i;

	for (; role && *role; role++) {
		for (i = 0; i < s->plan->what.count; i++) {
			if (is_new[i] && !strcmp(s->wards.at[i].what->role, *role))
				return true;
		}
	}
	return false;
}

/* @is_new stays true for those that are not started. */
static int start_new(struct kreg_supervisor *s, bool *is_new)
{
	size_t at;
	int err = 0, now;

	for (at = 0; at < s->plan->what.count; at++) {
		if (is_new[at])
			report(s, &s->wards.at[at], KREG_STATE_WAITING);
	}
	for (at = 0; at < s->plan->what.count && !s->is_to_stop; at++) {
		struct ward *ward = &s->wards.at[at];

		if (!is_new[at])
			continue;
		if (waits_for_new(s, ward, is_new)) {
			supervision_say(&s->plan->what,
					"%s/%s: not started: a service that it starts after was "
					"not started",
					s->plan->space, ward->what->role);
			ward->is_down = true;
			report_not_started(s, ward, KREG_STATE_FAILED, -ECANCELED, NULL);
			continue;
		}
		now = supervisor_start_or_take_over(s, ward);
		is_new[at] = ward->is_down = now != 0;
		if (now && !err) {
			err = now;
			supervision_blame(s->why, ward->what->role);
		}
	}
	return err;
}

static int apply(struct kreg_supervisor *s)
{
	bool *is_new = calloc(s->next->what.count + 1, sizeof(*is_new));
	struct restart_history history = { 0 };
	struct supervision *old = s->plan;
	struct wards next = { 0 }, before;
	size_t moved;
	int err = is_new ? wards_make(&next, s->next) : -ENOMEM;

	if (!err)
		err = restart_history_init(&history, s->next->what.intensity,
					   s->next->what.period_ms);
	if (err) {
		wards_free(&next);
		free(is_new);
		return err;
	}
	stop_others(s, &next);
	moved = move_wards(s, &next, is_new);
	before = s->wards;
	s->wards = next;
	s->plan = s->next;
	s->next = old;
	restart_history_deinit(&s->history);
	s->history = history;
	wards_free(&before);
	supervision_say(&s->plan->what, "%s: changed: %zu of %zu services keep running",
			s->plan->space, moved, s->plan->what.count);
	err = start_new(s, is_new);
	free(is_new);
	return err;
}

void supervisor_apply(struct kreg_supervisor *s)
{
	s->has_next = false;
	s->result = apply(s);
	sem_post(&s->begun);
}
