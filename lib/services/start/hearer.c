/* SPDX-License-Identifier: MIT */
/*
 * The hearer's thread takes events from the epoll instance only with the mutex held. So
 * once hearer_remove() has held the mutex, no event of that program is left.
 */
#include "lib/services/start/hearer.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/epoll.h>

#include "base/background.h"
#include "base/fd.h"
#include "base/mutex.h"
#include "lib/inner.h"

#define EVENTS 16

struct hearer {
	struct background thread;
	pthread_mutex_t mutex;
	int programs; /* an epoll instance */
	int stop;     /* an eventfd */
	bool is_over; /* the thread has to end; protected by the mutex */
};

/* False: the thread has to end. */
static bool hear_all(struct hearer *h)
{
	struct epoll_event events[EVENTS];
	bool is_over;
	int count, i;

	pthread_mutex_lock(&h->mutex);
	is_over = h->is_over;
	count = is_over ? 0 : epoll_wait(h->programs, events, EVENTS, 0);
	for (i = 0; i < count; i++)
		kreg_program_hear(events[i].data.ptr);
	pthread_mutex_unlock(&h->mutex);
	return !is_over;
}

static void *hear(void *data)
{
	struct hearer *h = data;
	struct pollfd at[] = { { .fd = h->stop, .events = POLLIN },
			       { .fd = h->programs, .events = POLLIN } };

	int got;

	do {
		got = poll(at, 2, FD_EVENT_LOOK_MS);
	} while (hear_all(h) && (got >= 0 || errno == EINTR));
	return NULL;
}

void hearer_let_go(struct hearer *h)
{
	if (!h)
		return;
	pthread_mutex_destroy(&h->mutex);
	free(h);
}

static int hearer_new(struct hearer **out)
{
	struct hearer *h = calloc(1, sizeof(*h));
	int err = h ? mutex_init(&h->mutex) : -ENOMEM;

	if (err) {
		free(h);
		return err;
	}
	h->stop = -1;
	h->programs = fd_epoll();
	err = h->programs < 0 ? h->programs : 0;
	if (!err) {
		h->stop = fd_event();
		err = h->stop < 0 ? h->stop : 0;
	}
	/* A roomy stack, because it changes the registry. */
	if (!err)
		err = background_start_roomy(&h->thread, hear, h);
	if (err) {
		fd_close(&h->programs);
		fd_close(&h->stop);
		hearer_let_go(h);
	} else {
		*out = h;
	}
	return err;
}

int hearer_add(struct hearer **at, struct kreg_program *program)
{
	struct epoll_event event = { .events = EPOLLIN, .data = { .ptr = program } };
	int err = *at ? 0 : hearer_new(at);

	if (!err && epoll_ctl((*at)->programs, EPOLL_CTL_ADD, kreg_program_fd(program), &event))
		err = -errno;
	return err;
}

void hearer_remove(struct hearer *h, struct kreg_program *program)
{
	pthread_mutex_lock(&h->mutex);
	epoll_ctl(h->programs, EPOLL_CTL_DEL, kreg_program_fd(program), NULL);
	pthread_mutex_unlock(&h->mutex);
}

void hearer_stop(struct hearer **at)
{
	struct hearer *h = *at;

	*at = NULL;
	if (!h)
		return;
	pthread_mutex_lock(&h->mutex);
	h->is_over = true;
	pthread_mutex_unlock(&h->mutex);
	fd_event_tell_in(h->programs, h->stop);
	background_join(&h->thread);
	fd_close(&h->programs);
	fd_close(&h->stop);
	hearer_let_go(h);
}
