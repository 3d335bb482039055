/* SPDX-License-Identifier: MIT */
/*
 * Watching for deaths. A watched owner goes through three lists:
 *
 *   wanted      put there by deaths_watch()     no fd
 *   watched     by deaths_serve()               a pidfd, or none if none is available
 *   forgotten   by deaths_forget()              the same; closed and freed by deaths_serve()
 *
 * Only two threads touch fds: the one that serves, and one that it starts, which sleeps
 * in epoll. They share a table of fds of their own, apart from the program's. All is
 * private memory, and ends with the process.
 */
#include "lib/wait/deaths.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>

#include "lib/process/owner.h"
#include "base/background.h"
#include "base/fd.h"

struct death {
	struct cds_list_head node;
	owner_t owner;
	void *data;
	int fd; /* -1: none */
};

void deaths_init(struct deaths *deaths, struct kreg *k, void (*tell)(void *data))
{
	*deaths = (struct deaths){ .k = k, .tell = tell, .epoll = -1, .stop = -1 };
	CDS_INIT_LIST_HEAD(&deaths->wanted);
	CDS_INIT_LIST_HEAD(&deaths->watched);
	CDS_INIT_LIST_HEAD(&deaths->forgotten);
}

static void *hear(void *data)
{
	const struct deaths *deaths = data;
	struct epoll_event event;
	int got;

	do {
		got = epoll_wait(deaths->epoll, &event, 1, FD_EVENT_LOOK_MS);
		if (got == 1 && event.data.ptr)
			deaths->tell(event.data.ptr);
		/*
		 * relaxed: the system call that wakes comes after the store; without it a
		 * later look sees it
		 */
	} while (!load_relaxed(&deaths->is_over) && (got >= 0 || errno == EINTR));
	return NULL;
}

static void close_fds(struct deaths *deaths)
{
	fd_close(&deaths->epoll);
	fd_close(&deaths->stop);
}

void deaths_begin(struct deaths *deaths, int keep)
{
	struct epoll_event event = { .events = EPOLLIN };

	if (fd_apart(&keep, 1))
		return;
	deaths->epoll = fd_epoll();
	deaths->stop = fd_event();
	if (deaths->epoll < 0 || deaths->stop < 0 ||
	    epoll_ctl(deaths->epoll, EPOLL_CTL_ADD, deaths->stop, &event) ||
	    background_start(&deaths->thread, hear, deaths))
		close_fds(deaths);
}

void deaths_end(struct deaths *deaths)
{
	if (deaths->epoll < 0)
		return;
	store_relaxed(&deaths->is_over, true); /* relaxed: as in hear() */
	fd_event_tell_in(deaths->epoll, deaths->stop);
	background_join(&deaths->thread);
	close_fds(deaths);
}

/*
 * The pidfd is opened before the life is checked, so an owner that is dead by now is
 * reported too.
 */
static void watch(struct deaths *deaths, struct death *death)
{
	struct epoll_event event = { .events = EPOLLIN | EPOLLONESHOT, .data.ptr = death->data };
	struct kreg_owner who = { .token = death->owner };

	death->fd = deaths->epoll >= 0 ? owner_pidfd_for_end(deaths->k, &who) : -1;
	if (death->fd >= 0 && epoll_ctl(deaths->epoll, EPOLL_CTL_ADD, death->fd, &event))
		fd_close(&death->fd);
	if (death->fd < 0 && !life_is_alive(&deaths->k->lives, death->owner))
		deaths->tell(death->data);
}

static void free_list(struct cds_list_head *list)
{
	struct death *death, *next;

	cds_list_for_each_entry_safe (death, next, list, node) {
		cds_list_del(&death->node);
		free(death);
	}
}

void deaths_serve(struct deaths *deaths)
{
	struct death *death, *next;

	cds_list_for_each_entry_safe (death, next, &deaths->wanted, node) {
		watch(deaths, death);
		cds_list_del(&death->node);
		cds_list_add(&death->node, &deaths->watched);
	}
	cds_list_for_each_entry (death, &deaths->forgotten, node)
		fd_close(&death->fd);
	free_list(&deaths->forgotten);
}

void deaths_free(struct deaths *deaths)
{
	free_list(&deaths->wanted);
	free_list(&deaths->watched);
	free_list(&deaths->forgotten);
}

struct death *deaths_watch(struct deaths *deaths, owner_t owner, void *data)
{
	struct death *death = calloc(1, sizeof(*death));

	if (!death)
		return NULL;
	*death = (struct death){ .owner = owner, .data = data, .fd = -1 };
	cds_list_add(&death->node, &deaths->wanted);
	return death;
}

void deaths_forget(struct deaths *deaths, struct death *death)
{
	cds_list_del(&death->node);
	cds_list_add(&death->node, &deaths->forgotten);
}
