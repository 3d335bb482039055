/* SPDX-License-Identifier: MIT */
/*
 * The public calls of a supervisor, and its handle. A thread of the handle does the work
 * (supervisor_run.c), with a table of fds of its own (supervisor_apart.c).
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/call.h"
#include "base/sized.h"
#include "lib/services/start/hearer.h"
#include "lib/services/supervise/supervisor.h"
#include "lib/services/supervise/supervisor_report.h"
#include "base/background.h"
#include "base/clock.h"
#include "base/mutex.h"

int wards_make(struct wards *out, const struct supervision *plan)
{
	size_t count = plan->what.count, i;

	out->at = calloc(count + 1, sizeof(*out->at));
	out->places = calloc(count + 1, sizeof(*out->places));
	out->steps = calloc(count + 1, 3 * sizeof(*out->steps));
	out->polled = calloc(POLLED_FIRST + count, sizeof(*out->polled));
	if (!out->at || !out->places || !out->steps || !out->polled)
		return -ENOMEM;
	for (i = 0; i < count; i++) {
		const struct kreg_supervised *what = &plan->services[i];

		out->at[i] = (struct ward){ .what = what, .end = -1, .signals = -1 };
		out->at[i].group = (struct service_group){ .cgroup = -1,
							   .space = plan->space,
							   .role = what->role };
	}
	return 0;
}

void wards_free(struct wards *wards)
{
	free(wards->polled);
	free(wards->steps);
	free(wards->places);
	free(wards->at);
}

static void supervisor_free(struct kreg_supervisor *s)
{
	/* In a child of fork() the supervisor's table of fds does not exist. */
	hearer_let_go(s->hearer);
	pair_free(&s->ended);
	outside_deinit(&s->outside);
	sem_destroy(&s->rung);
	sem_destroy(&s->begun);
	pthread_mutex_destroy(&s->changing);
	pthread_mutex_destroy(&s->gate);
	restart_history_deinit(&s->history);
	supervision_free(s->plan);
	supervision_free(s->next);
	wards_free(&s->wards);
	free(s);
}

static int make_room(struct kreg_supervisor *s)
{
	const struct kreg_supervision *what = &s->plan->what;
	int err = wards_make(&s->wards, s->plan);

	if (err)
		return err;
	if (what->orders)
		s->outer = what->orders;
	err = pair_new(&s->ended);
	if (err)
		return err;
	return restart_history_init(&s->history, what->intensity, what->period_ms);
}

static void wait_until_said(struct kreg_supervisor *s)
{
	while (sem_wait(&s->begun))
		;
}

/* The speaker. It shares the program's table of fds. */
static void *speak(void *data)
{
	struct kreg_supervisor *s = data;
	struct background supervising;
	int err = background_start_roomy(&supervising, supervisor_run, s);

	if (err) {
		s->result = err;
		sem_post(&s->begun);
		return NULL;
	}
	outside_serve(&s->outside);
	background_join(&supervising);
	return NULL;
}

/* Returns when all services are ready, or when none of them is left. */
static int start_threads(struct kreg_supervisor *s, char *why)
{
	int err = background_start_roomy(&s->thread, speak, s);

	if (err)
		return err;
	wait_until_said(s);
	if (!s->result)
		return 0;
	background_join(&s->thread);
	supervision_blame(why, s->why);
	return s->result;
}

#define S_IS_NULL "supervisor is NULL: it is what kreg_supervise() has made"
#define WHY_IS_NULL "why is NULL, but why_size is not 0"

/* Cut to fit: the error is more important. */
static void tell_role(char *why, size_t why_size, const char *role)
{
	if (why)
		snprintf(why, why_size, "%s", role);
}

/* @why: as for supervision_copy(). */
static int supervise(struct kreg_supervisor **out, struct kreg *k, const char *space,
		     const struct kreg_supervision *what, char *why)
{
	struct kreg_supervisor *s;
	int err = program_of_call(k, 0, 0);

	if (err)
		return err;
	s = calloc(1, sizeof(*s));
	if (!s)
		return -ENOMEM;
	s->k = k;
	/* A later supervisor of this namespace in this process has a larger one. */
	s->number = clock_now();
	s->asked = s->bell = s->outer = s->sign = s->children = -1;
	s->ended = (struct pair){ .fd = -1, .fd_write = -1 };
	s->cgroups.own = s->cgroups.all = -1;
	sem_init(&s->begun, 0, 0);
	sem_init(&s->rung, 0, 0);
	outside_init(&s->outside);
	err = mutex_init(&s->changing);
	if (!err)
		err = mutex_init(&s->gate);
	if (!err)
		err = supervision_copy(&s->plan, k, space, what, why);
	if (!err)
		err = make_room(s);
	if (!err)
		err = start_threads(s, why);
	if (err)
		supervisor_free(s);
	else
		*out = s;
	return err;
}

int kreg_supervise(struct kreg_supervisor **out, struct kreg *k, const char *space,
		   const struct kreg_supervision *what, char *why, size_t why_size)
{
	UNCANCELLABLE;
	char blamed[KREG_ROLE_MAX + 1] = "";
	int err;

	if (!out)
		err = refuse(k, "out is NULL: it gets the supervisor");
	else if (!why && why_size)
		err = refuse(k, WHY_IS_NULL);
	else
		err = supervise(out, k, space, what, blamed);
	tell_role(why, why_size, blamed);
	return err;
}

int kreg_supervisor_fd(const struct kreg_supervisor *s)
{
	return s ? s->ended.fd : refuse(NULL, S_IS_NULL);
}

int kreg_supervisor_state(const struct kreg_supervisor *s)
{
	UNCANCELLABLE;
	struct kreg_supervisor *own = (struct kreg_supervisor *)(uintptr_t)s;
	int outcome;

	if (!s)
		return refuse(NULL, S_IS_NULL);
	if (kreg_inner_is_parents(s->k))
		return -EOWNERDEAD;
	pthread_mutex_lock(&own->gate);
	outcome = s->outcome;
	pthread_mutex_unlock(&own->gate);
	return outcome;
}

/*
 * What is handed over may have become the current plan; then the old plan is what comes
 * back.
 */
static int hand_over(struct kreg_supervisor *s, struct supervision *next, char *why)
{
	bool is_over;
	int err;

	s->next = next;
	supervision_blame(s->why, NULL);
	pthread_mutex_lock(&s->gate);
	is_over = s->is_over;
	s->asks_to_change = !is_over;
	pthread_mutex_unlock(&s->gate);
	if (!is_over) {
		sem_post(&s->rung);
		wait_until_said(s);
	}
	err = is_over ? -ESHUTDOWN : s->result;
	supervision_blame(why, s->why);
	supervision_free(s->next);
	s->next = NULL;
	return err;
}

/* @why: as for supervision_copy(). */
static int change(struct kreg_supervisor *s, const struct kreg_supervision *what, char *why)
{
	struct supervision *next = NULL;
	struct kreg_supervision own;
	int err = !s     ? refuse(NULL, S_IS_NULL)
		  : what ? struct_of_call(s->k, &own, what, "what")
			 : refuse(s->k, "what is NULL");

	if (!err && kreg_inner_is_parents(s->k))
		err = -EOWNERDEAD;
	if (err)
		return err;
	pthread_mutex_lock(&s->changing);
	/* These are set by kreg_supervise() only. */
	own.size = sizeof(own);
	own.flags = s->plan->what.flags;
	err = supervision_copy(&next, s->k, s->plan->space, &own, why);
	if (!err)
		err = hand_over(s, next, why);
	pthread_mutex_unlock(&s->changing);
	return err;
}

int kreg_supervisor_change(struct kreg_supervisor *s, const struct kreg_supervision *what,
			   char *why, size_t why_size)
{
	UNCANCELLABLE;
	char blamed[KREG_ROLE_MAX + 1] = "";
	int err = why || !why_size ? change(s, what, blamed) : refuse(s ? s->k : NULL, WHY_IS_NULL);

	tell_role(why, why_size, blamed);
	return err;
}

void kreg_supervisor_stop(struct kreg_supervisor *s)
{
	UNCANCELLABLE;

	if (!s)
		return;
	/*
	 * In a child of fork() there is no supervisor thread, and the services belong to
	 * the parent.
	 */
	if (!kreg_inner_is_parents(s->k)) {
		pthread_mutex_lock(&s->gate);
		s->asks_to_stop = true;
		pthread_mutex_unlock(&s->gate);
		sem_post(&s->rung);
		background_join(&s->thread);
		report_nothing(s);
	}
	supervisor_free(s);
}
