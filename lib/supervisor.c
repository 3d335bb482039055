/* SPDX-License-Identifier: MIT */
/*
 * The handle of a supervisor. Its thread does the work (supervisor_run.c).
 */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

#include "lib/supervisor.h"
#include "shm/background.h"
#include "shm/fd.h"

static void supervisor_free(struct kreg_supervisor *s)
{
	if (s->orders >= 0)
		close(s->orders);
	if (s->ended >= 0)
		close(s->ended);
	sem_destroy(&s->begun);
	restart_history_deinit(&s->history);
	supervision_free(s->plan);
	free(s->polled);
	free(s->steps);
	free(s->places);
	free(s->wards);
	free(s);
}

static int make_room(struct kreg_supervisor *s)
{
	const struct kreg_supervision *what = &s->plan->what;
	size_t count = what->count, i;

	s->wards = calloc(count + 1, sizeof(*s->wards));
	s->places = calloc(count + 1, sizeof(*s->places));
	s->steps = calloc(count + 1, 3 * sizeof(*s->steps));
	s->polled = calloc(count + 1, sizeof(*s->polled));
	if (!s->wards || !s->places || !s->steps || !s->polled)
		return -ENOMEM;
	for (i = 0; i < count; i++)
		s->wards[i] = (struct ward){ &s->plan->services[i], .end = -1, .signals = -1 };
	s->orders = fd_event();
	s->ended = s->orders >= 0 ? fd_event() : s->orders;
	if (s->ended < 0)
		return s->ended;
	return restart_history_init(&s->history, what->intensity, what->period_ms);
}

/* Until all are ready, or nothing is left of them. */
static int start_thread(struct kreg_supervisor *s, char *why)
{
	int err = background_start_roomy(&s->thread, supervisor_run, s);

	if (err)
		return err;
	while (sem_wait(&s->begun))
		;
	if (!s->result)
		return 0;
	pthread_join(s->thread, NULL);
	supervision_blame(why, s->why);
	return s->result;
}

int kreg_supervise(struct kreg *k, const char *space, const struct kreg_supervision *what,
		   struct kreg_supervisor **out, char *why)
{
	UNCANCELLABLE;
	struct kreg_supervisor *s;
	int err = k && out && k->segment.unique ? handle_check(k) : -EINVAL;

	supervision_blame(why, NULL);
	if (err)
		return err;
	s = calloc(1, sizeof(*s));
	if (!s)
		return -ENOMEM;
	s->k = k;
	s->orders = s->ended = -1;
	sem_init(&s->begun, 0, 0);
	err = supervision_copy(&s->plan, space, what, why);
	if (!err)
		err = make_room(s);
	if (!err)
		err = start_thread(s, why);
	if (err)
		supervisor_free(s);
	else
		*out = s;
	return err;
}

int kreg_supervisor_fd(const struct kreg_supervisor *s)
{
	return s ? s->ended : -EINVAL;
}

int kreg_supervisor_state(const struct kreg_supervisor *s)
{
	UNCANCELLABLE;
	struct pollfd at = { .events = POLLIN };

	if (!s)
		return -EINVAL;
	if (handle_is_parents(s->k))
		return -EOWNERDEAD;
	at.fd = s->ended;
	return poll(&at, 1, 0) == 1 ? -ENOTRECOVERABLE : 0;
}

void kreg_supervisor_stop(struct kreg_supervisor *s)
{
	UNCANCELLABLE;
	const uint64_t one = 1;

	if (!s)
		return;
	/* In a child of fork() there is no thread, and the services are the parent's. */
	if (!handle_is_parents(s->k)) {
		while (write(s->orders, &one, sizeof(one)) < 0 && errno == EINTR)
			;
		pthread_join(s->thread, NULL);
	}
	supervisor_free(s);
}
