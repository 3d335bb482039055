/* SPDX-License-Identifier: MIT */
/*
 * The supervisor's own table of fds, and the waker.
 *
 * The fds of a running supervisor are in a table that only threads of the library share,
 * so that the program cannot close them by mistake. The program's threads therefore have
 * no fd by which to make a request, and the thread that supervises sleeps in ppoll(),
 * which cannot wait for a semaphore. The waker connects the two.
 *
 *   thread        table          does
 *   speaker       the program's  calls the program's functions: log and telemetry (outside.h)
 *   supervises    its own        all else; its children inherit 0, 1 and 2 from there
 *   waker         its own        sleeps on @rung, and makes @asked readable: by a write to @bell;
 *                                where write(2) is refused, by polling @bell for EPOLLOUT, which
 *                                it always has
 *   hearer        its own        reads what services say (hearer.h)
 *
 * Where the kernel refuses a separate table, all threads use the program's.
 */
#include <errno.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "lib/services/start/hearer.h"
#include "lib/services/supervise/supervisor.h"
#include "base/background.h"
#include "base/fd.h"

static void *wake(void *data)
{
	struct kreg_supervisor *s = data;
	bool is_closing = false;

	while (!is_closing) {
		while (sem_wait(&s->rung))
			;
		fd_event_tell_in(s->asked, s->bell);
		pthread_mutex_lock(&s->gate);
		is_closing = s->is_closing;
		pthread_mutex_unlock(&s->gate);
	}
	return NULL;
}

static int listen_to(const struct kreg_supervisor *s, int fd)
{
	struct epoll_event event = { .events = EPOLLIN };

	return epoll_ctl(s->asked, EPOLL_CTL_ADD, fd, &event) ? -errno : 0;
}

void supervisor_quiet(struct kreg_supervisor *s)
{
	struct epoll_event event = { .events = EPOLLIN };
	uint64_t count;

	while (read(s->bell, &count, sizeof(count)) < 0 && errno == EINTR)
		;
	/* The waker has added EPOLLOUT if write(2) is refused. */
	epoll_ctl(s->asked, EPOLL_CTL_MOD, s->bell, &event);
}

int supervisor_open(struct kreg_supervisor *s)
{
	const int keep[] = { STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO, s->ended.fd_write,
			     s->outer };
	int err = 0;

	s->is_apart = !fd_apart(keep, sizeof(keep) / sizeof(keep[0]));
	s->asked = fd_epoll();
	if (s->asked < 0)
		return s->asked;
	s->bell = fd_event();
	if (s->bell < 0)
		return s->bell;
	err = listen_to(s, s->bell);
	if (!err && s->outer >= 0)
		err = listen_to(s, s->outer);
	if (!err)
		err = background_start(&s->waker, wake, s);
	s->has_waker = !err;
	return err;
}

void supervisor_close(struct kreg_supervisor *s)
{
	pthread_mutex_lock(&s->gate);
	s->is_closing = true;
	pthread_mutex_unlock(&s->gate);
	sem_post(&s->rung);
	if (s->has_waker)
		background_join(&s->waker);
	hearer_stop(&s->hearer);
	fd_close(&s->asked);
	fd_close(&s->bell);
	fd_close(&s->children);
	if (s->is_apart)
		fd_apart_end();
}
