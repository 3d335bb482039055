/* SPDX-License-Identifier: MIT */
/*
 * A futex can be waited for by thousands of threads, a death only through an fd. So one thread sleeps in
 * epoll with the pidfds of all who are in somebody's way, and turns a death into a ring: those who wait
 * look again, and find the name gone.
 *
 * A pidfd is readable when the process is dead, and its life was over before that.
 */
#include "lib/attendant.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "shm/background.h"
#include "shm/bell.h"

struct attendant {
	pthread_t thread;
	int epoll;
	int stop; /* eventfd */
};

static void *attendant_run(void *data)
{
	struct attendant *attendant = data;
	struct epoll_event event;

	for (;;) {
		if (epoll_wait(attendant->epoll, &event, 1, -1) != 1)
			continue;
		if (!event.data.ptr)
			return NULL;
		bell_ring(event.data.ptr);
	}
}

static void attendant_free(struct attendant *attendant)
{
	if (attendant->epoll >= 0)
		close(attendant->epoll);
	if (attendant->stop >= 0)
		close(attendant->stop);
	free(attendant);
}

static int attendant_new(struct attendant **out)
{
	struct epoll_event stop = { .events = EPOLLIN };
	struct attendant *attendant = malloc(sizeof(*attendant));
	int err = 0;

	if (!attendant)
		return -ENOMEM;
	attendant->stop = -1;
	attendant->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (attendant->epoll >= 0)
		attendant->stop = eventfd(0, EFD_CLOEXEC);
	if (attendant->stop < 0 ||
	    epoll_ctl(attendant->epoll, EPOLL_CTL_ADD, attendant->stop, &stop))
		err = -errno;
	if (!err)
		err = background_start(&attendant->thread, attendant_run, attendant);
	if (err)
		attendant_free(attendant);
	else
		*out = attendant;
	return err;
}

static int attendant_need(struct kreg *k)
{
	int err = 0;

	pthread_mutex_lock(&k->attendant_mutex);
	if (!k->attendant)
		err = attendant_new(&k->attendant);
	pthread_mutex_unlock(&k->attendant_mutex);
	return err;
}

int attendant_watch(struct kreg *k, owner_t owner, uint32_t *bell)
{
	struct epoll_event event = { .events = EPOLLIN | EPOLLONESHOT, .data.ptr = bell };
	struct kreg_owner who = { .token = owner };
	int fd, err = attendant_need(k);

	if (err)
		return err;
	fd = kreg_owner_pidfd(k, &who);
	if (fd < 0)
		return fd;
	if (epoll_ctl(k->attendant->epoll, EPOLL_CTL_ADD, fd, &event)) {
		err = -errno;
		close(fd);
		return err;
	}
	return fd;
}

void attendant_forget(struct kreg *k, int fd)
{
	if (fd < 0)
		return;
	/* A child of fork() may have a copy of the fd, which would keep it in the set. */
	epoll_ctl(k->attendant->epoll, EPOLL_CTL_DEL, fd, NULL);
	close(fd);
}

void attendant_stop(struct kreg *k)
{
	const uint64_t one = 1;

	if (!k->attendant)
		return;
	if (!handle_is_parents(k)) {
		while (write(k->attendant->stop, &one, sizeof(one)) < 0 && errno == EINTR)
			;
		pthread_join(k->attendant->thread, NULL);
	}
	attendant_free(k->attendant);
	k->attendant = NULL;
}
