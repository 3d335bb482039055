/* SPDX-License-Identifier: MIT */
/*
 * A futex can be waited for by thousands of threads, a death only through an fd. So one thread sleeps in
 * epoll with the pidfds of all owners that are in a waiter's way, and turns a death into a ring: the waiters
 * look again, and find the name gone. A pidfd is readable when the process is dead, and its life was over
 * before that.
 *
 * A ring may never come: its maker was killed, stopped, or has called exec between the change and the ring, or
 * the one waiter that the kernel woke was. So the attendant also looks at the lines themselves, each as a print of
 * what is in it (shm/line.h):
 *
 *   who               does                                                  under the mutex
 *   a waiter          listens to the bell; takes a view of the line;
 *                     if it has to wait in that: compares, so the           rings if the line is another than the
 *                     print is the line's from now on                       other waiters of the line know
 *   the attendant     takes the print each interval, and stores it          rings if it has changed
 *
 * So to each waiter that sleeps one of these is true: its bell was rung since it listened, or the print that is stored
 * is of a line in which it has to wait. Then a line in which it need not has another print, and the next interval
 * ends with a ring.
 *
 * All of this is private to the process, and ends with it; in a child of fork() there is neither thread nor waiter.
 */
#include "lib/attendant.h"
#include "lib/owner.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "shm/background.h"
#include "shm/bell.h"
#include "shm/clock.h"
#include "shm/fd.h"
#include "shm/line.h"

#define INTERVAL (ATTENDANT_MS * 1000000ull)

struct line {
	struct cds_list_head node;
	struct query q;
	uint32_t *bell;
	uint32_t waiters;
	uint64_t print; /* 0: not known, so the next look rings */
	struct cds_list_head deaths;
	unsigned char key[];
};

/* One owner whose death rings a line's bell. */
struct death {
	struct cds_list_head node;
	owner_t owner;
	int fd; /* -1: not to be had */
	uint32_t waiters;
};

/* Under the handle's attendant_mutex, but for the fds. */
struct attendant {
	struct kreg *k;
	pthread_t thread;
	int epoll;
	int poke; /* eventfd: look around */
	bool stop;
	uint64_t
		next; /* when the lines are looked at, as clock_now(); 0: not before somebody waits */
	struct cds_list_head lines;
};

static void look_at_line(struct kreg *k, struct line *line)
{
	struct line_view view;

	line_look(&k->segment, &k->lives, &line->q, k->self.owner, 0, &view);
	k->looks++;
	if (view.print && view.print == line->print)
		return;
	line->print = view.print;
	bell_ring(line->bell);
}

/* How many milliseconds until the next look; -1: until it is poked. */
static int look_around(struct attendant *a)
{
	uint64_t now = clock_now();
	struct line *line;

	if (!a->next)
		return -1;
	if (now >= a->next) {
		handle_file_is_lost(a->k);
		cds_list_for_each_entry (line, &a->lines, node)
			look_at_line(a->k, line);
		a->next = cds_list_empty(&a->lines) ? 0 : now + INTERVAL;
	}
	return a->next ? (int)((a->next - now + 999999) / 1000000) : -1;
}

static void poke(struct attendant *a)
{
	const uint64_t one = 1;

	while (write(a->poke, &one, sizeof(one)) < 0 && errno == EINTR)
		;
}

static void *attendant_run(void *data)
{
	struct attendant *a = data;
	struct epoll_event event;
	uint64_t pokes;
	bool stop;
	int ms;

	for (;;) {
		pthread_mutex_lock(&a->k->attendant_mutex);
		stop = a->stop;
		ms = look_around(a);
		pthread_mutex_unlock(&a->k->attendant_mutex);
		if (stop)
			return NULL;
		if (epoll_wait(a->epoll, &event, 1, ms) != 1)
			continue;
		if (event.data.ptr)
			bell_ring(event.data.ptr);
		else if (read(a->poke, &pokes, sizeof(pokes)) < 0)
			continue;
	}
}

static void death_free(struct attendant *a, struct death *death)
{
	cds_list_del(&death->node);
	if (death->fd >= 0) {
		/* A child of fork() may have a copy of the fd, which would keep it in the set. */
		epoll_ctl(a->epoll, EPOLL_CTL_DEL, death->fd, NULL);
		close(death->fd);
	}
	free(death);
}

static void line_free(struct attendant *a, struct line *line)
{
	struct death *death, *next;

	cds_list_for_each_entry_safe (death, next, &line->deaths, node)
		death_free(a, death);
	cds_list_del(&line->node);
	free(line);
}

static void attendant_free(struct attendant *a)
{
	struct line *line, *next;

	cds_list_for_each_entry_safe (line, next, &a->lines, node)
		line_free(a, line);
	if (a->epoll >= 0)
		close(a->epoll);
	if (a->poke >= 0)
		close(a->poke);
	free(a);
}

/* NULL: it is not to be had. */
static struct attendant *attendant_new(struct kreg *k)
{
	struct epoll_event event = { .events = EPOLLIN };
	struct attendant *a = calloc(1, sizeof(*a));

	if (!a)
		return NULL;
	a->k = k;
	CDS_INIT_LIST_HEAD(&a->lines);
	a->epoll = fd_epoll();
	a->poke = fd_event();
	if (a->epoll < 0 || a->poke < 0 || epoll_ctl(a->epoll, EPOLL_CTL_ADD, a->poke, &event) ||
	    background_start(&a->thread, attendant_run, a)) {
		attendant_free(a);
		return NULL;
	}
	return a;
}

static struct line *line_find(struct attendant *a, const struct query *q)
{
	struct line *line;

	cds_list_for_each_entry (line, &a->lines, node) {
		if (line->q.order == q->order && line->q.kinds == q->kinds &&
		    line->q.key_size == q->key_size && !memcmp(line->key, q->key, q->key_size))
			return line;
	}
	return NULL;
}

static struct line *line_new(struct attendant *a, const struct query *q)
{
	struct line *line = calloc(1, sizeof(*line) + q->key_size);

	if (!line)
		return NULL;
	memcpy(line->key, q->key, q->key_size);
	line->q = *q;
	line->q.key = line->key;
	line->bell = bell_of(&a->k->segment, q->bell);
	CDS_INIT_LIST_HEAD(&line->deaths);
	cds_list_add(&line->node, &a->lines);
	if (!a->next) {
		a->next = clock_now() + INTERVAL;
		poke(a);
	}
	return line;
}

struct line *attendant_join(struct kreg *k, const struct query *q)
{
	struct line *line = NULL;

	pthread_mutex_lock(&k->attendant_mutex);
	if (!k->attendant)
		k->attendant = attendant_new(k);
	if (k->attendant)
		line = line_find(k->attendant, q);
	if (k->attendant && !line)
		line = line_new(k->attendant, q);
	if (line)
		line->waiters++;
	pthread_mutex_unlock(&k->attendant_mutex);
	return line;
}

void attendant_leave(struct kreg *k, struct line *line)
{
	pthread_mutex_lock(&k->attendant_mutex);
	if (!--line->waiters)
		line_free(k->attendant, line);
	pthread_mutex_unlock(&k->attendant_mutex);
}

void attendant_compare(struct kreg *k, struct line *line, uint64_t print)
{
	pthread_mutex_lock(&k->attendant_mutex);
	/* The others would not be rung for any more, because it is no news to the attendant. */
	if (print && print != line->print && line->waiters > 1)
		bell_ring(line->bell);
	line->print = print;
	pthread_mutex_unlock(&k->attendant_mutex);
}

static struct death *death_find(struct line *line, owner_t owner)
{
	struct death *death;

	cds_list_for_each_entry (death, &line->deaths, node) {
		if (death->owner == owner)
			return death;
	}
	return NULL;
}

static struct death *death_new(struct kreg *k, struct line *line, owner_t owner)
{
	struct epoll_event event = { .events = EPOLLIN | EPOLLONESHOT, .data.ptr = line->bell };
	struct kreg_owner who = { .token = owner };
	struct death *death = calloc(1, sizeof(*death));

	if (!death)
		return NULL;
	death->owner = owner;
	death->fd = owner_pidfd_for_end(k, &who);
	if (death->fd >= 0 && epoll_ctl(k->attendant->epoll, EPOLL_CTL_ADD, death->fd, &event)) {
		close(death->fd);
		death->fd = -1;
	}
	cds_list_add(&death->node, &line->deaths);
	return death;
}

struct death *attendant_watch(struct kreg *k, struct line *line, owner_t owner)
{
	struct death *death;

	pthread_mutex_lock(&k->attendant_mutex);
	death = death_find(line, owner);
	if (!death)
		death = death_new(k, line, owner);
	if (death)
		death->waiters++;
	pthread_mutex_unlock(&k->attendant_mutex);
	return death;
}

void attendant_forget(struct kreg *k, struct death *death)
{
	pthread_mutex_lock(&k->attendant_mutex);
	if (!--death->waiters)
		death_free(k->attendant, death);
	pthread_mutex_unlock(&k->attendant_mutex);
}

void attendant_stop(struct kreg *k)
{
	if (!k->attendant)
		return;
	if (!handle_is_parents(k)) {
		pthread_mutex_lock(&k->attendant_mutex);
		k->attendant->stop = true;
		pthread_mutex_unlock(&k->attendant_mutex);
		poke(k->attendant);
		pthread_join(k->attendant->thread, NULL);
	}
	attendant_free(k->attendant);
	k->attendant = NULL;
}
