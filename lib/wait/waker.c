/* SPDX-License-Identifier: MIT */
/*
 * The waker thread: sleeps at many bells for many waits.
 *
 * epoll cannot wait for a futex, but futex_waitv(2) can wait for many. So a waker sleeps at
 * the bells of its waits, and at one of its own, by which other threads tell it of a new
 * task. All waits at one bell share an ear.
 *
 *   state     fd           becomes                 by
 *   NEW       not readable  FRESH                  the waker, when it has received its end
 *                           GONE                   its beginner: no number was free for that
 *   FRESH     not readable  ASLEEP or TOLD         the waker, by the first view
 *   ASLEEP    not readable  TOLD                   the waker: the ear was rung, and the view is of
 *                                                  a line in which it need not wait
 *   TOLD      readable      FRESH                  kreg_pending_result(): the condition is not met
 *   any       closed        GONE, which the waker  kreg_pending_close()
 *                           frees
 *
 * All of it changes under the handle's pending_mutex, so no CAS decides between threads: a
 * wait that is closed while its bell is rung is either told before, or out of the list.
 * Between processes the bell's CAS decides, as for waiters that block: the waker listens,
 * takes the view, and sleeps unless the bell was rung since. It makes these three steps for
 * each ear that was rung or that has a FRESH wait, before each sleep. So what changes
 *
 *   before the view        is seen by it
 *   after the view         has rung the bell, and the sleep ends at once; or was made by a process
 *                          that does not come to ring, and the attendant rings, because it has the
 *                          view's print
 *   between the look and   is before the next view, because the fd is made unreadable after the
 *   FRESH                  look, and the view is taken afterwards
 *
 * The byte that makes an fd readable is sent by the waker alone, and only from ASLEEP or
 * FRESH; it is read by kreg_pending_result() alone, and only in TOLD. So there is never more than
 * one, and a readable fd is never without its state.
 *
 * The library's end of each pair is in a table of fds that only the waker has: the program
 * cannot close it, and needs no number for it. It gets there as a message through a channel,
 * another pair, whose end in the program's table is compared as all such are. If the program
 * has closed that, the waker goes on with the waits that it has, and others get another one.
 *
 * All is private memory, and ends with the process or at exec. What is left then is a flag
 * in bells, as of any waiter. A child of fork() has no waker, and touches neither its lists
 * nor its mutex: another thread may have been in the middle of them.
 */
#include "lib/wait/waker.h"

#include <stdlib.h>

#include "base/background.h"
#include "base/fd.h"
#include "lib/wait/attendant.h"
#include "shm/bell.h"

#define EARS (BELL_ANY_MAX - 1)

struct ear {
	uint32_t *bell;
	uint32_t seen;
	uint32_t waits;              /* in all states; 0: the ear is free */
	struct cds_list_head asleep; /* FRESH ones too */
};

struct waker {
	struct cds_list_head node;
	struct kreg *k;
	struct background thread;
	struct pair channel;
	pthread_cond_t changed; /* for those that begin */
	uint32_t own;           /* the bell for tasks */
	bool has_begun, is_apart, stop;
	struct cds_list_head arrived, told, gone;
	struct ear ears[EARS];
};

static void tell(struct kreg_pending *p)
{
	cds_list_del(&p->node);
	cds_list_add(&p->node, &p->waker->told);
	p->state = PENDING_TOLD;
	pair_signal(&p->sender);
}

static void receive(struct waker *waker, struct kreg_pending *p)
{
	int fd = pair_receive(&waker->channel);

	cds_list_del(&p->node);
	p->state = PENDING_FRESH;
	if (fd < 0) {
		p->error = fd;
		cds_list_add(&p->node, &waker->told);
		return;
	}
	p->sender.fd_write = fd;
	cds_list_add(&p->node, &p->ear->asleep);
}

/* In the waker's table of fds. */
static void release(struct kreg_pending *p)
{
	waiting_end(&p->wait);
	fd_close(&p->sender.fd_write);
	cds_list_del(&p->node);
}

static void do_tasks(struct waker *waker)
{
	struct kreg_pending *p, *next;
	bool has_arrived = !cds_list_empty(&waker->arrived);

	cds_list_for_each_entry_safe (p, next, &waker->gone, node) {
		release(p);
		free(p);
	}
	cds_list_for_each_entry_safe (p, next, &waker->arrived, node)
		receive(waker, p);
	if (has_arrived)
		pthread_cond_broadcast(&waker->changed);
}

/* Listens, and takes the views that are due. */
static void serve_ear(struct ear *ear)
{
	uint32_t seen = bell_listen(ear->bell);
	bool is_rung = seen != ear->seen;
	struct kreg_pending *p, *next;

	ear->seen = seen;
	cds_list_for_each_entry_safe (p, next, &ear->asleep, node) {
		if (!is_rung && p->state == PENDING_ASLEEP)
			continue;
		if (waiting_may_sleep(&p->wait))
			p->state = PENDING_ASLEEP;
		else
			tell(p);
	}
}

/* All that has to be done before the next sleep, and where to sleep. Returns the count. */
static uint32_t prepare(struct waker *waker, struct bell_heard *heard)
{
	uint32_t count = 0, i;

	heard[count++] = (struct bell_heard){ &waker->own, bell_listen(&waker->own) };
	do_tasks(waker);
	for (i = 0; i < EARS; i++) {
		struct ear *ear = &waker->ears[i];

		if (!ear->waits || cds_list_empty(&ear->asleep))
			continue;
		serve_ear(ear);
		if (!cds_list_empty(&ear->asleep))
			heard[count++] = (struct bell_heard){ ear->bell, ear->seen };
	}
	return count;
}

/* The handle is being closed: all fds become readable. */
static void tell_all(struct waker *waker)
{
	struct kreg_pending *p, *next;
	uint32_t i;

	do_tasks(waker);
	for (i = 0; i < EARS; i++) {
		if (!waker->ears[i].waits)
			continue;
		cds_list_for_each_entry_safe (p, next, &waker->ears[i].asleep, node)
			tell(p);
	}
	cds_list_for_each_entry_safe (p, next, &waker->told, node)
		release(p);
}

static void *waker_run(void *data)
{
	struct bell_heard heard[BELL_ANY_MAX];
	struct waker *waker = data;
	uint32_t count;

	waker->is_apart = !fd_apart(&waker->channel.fd_write, 1);
	pthread_mutex_lock(&waker->k->pending_mutex);
	waker->has_begun = true;
	pthread_cond_broadcast(&waker->changed);
	while (!waker->stop) {
		count = prepare(waker, heard);
		pthread_mutex_unlock(&waker->k->pending_mutex);
		bell_wait_any(heard, count);
		pthread_mutex_lock(&waker->k->pending_mutex);
	}
	tell_all(waker);
	pthread_mutex_unlock(&waker->k->pending_mutex);
	return NULL;
}

/* The program's end of a channel, or both. */
static void close_channel(struct waker *waker, bool both)
{
	struct pair end = waker->channel;

	end.fd = both ? end.fd : -1;
	pair_free(&end);
}

static int start_waker(struct kreg *k, struct waker *waker)
{
	int err = pair_new(&waker->channel);

	if (err)
		return err;
	err = -pthread_cond_init(&waker->changed, NULL);
	if (err)
		goto no_condition;
	err = background_start(&waker->thread, waker_run, waker);
	if (err)
		goto no_thread;
	while (!waker->has_begun)
		pthread_cond_wait(&waker->changed, &k->pending_mutex);
	/* By then the thread has its own copy of the fd. */
	if (waker->is_apart)
		close_channel(waker, false);
	return 0;
no_thread:
	pthread_cond_destroy(&waker->changed);
no_condition:
	close_channel(waker, true);
	return err;
}

/* Under the mutex, which is released while the thread begins. */
static int waker_new(struct kreg *k, struct waker **out)
{
	struct waker *waker = calloc(1, sizeof(*waker));
	int err;

	if (!waker)
		return -ENOMEM;
	waker->k = k;
	CDS_INIT_LIST_HEAD(&waker->arrived);
	CDS_INIT_LIST_HEAD(&waker->told);
	CDS_INIT_LIST_HEAD(&waker->gone);
	err = start_waker(k, waker);
	if (err) {
		free(waker);
		return err;
	}
	cds_list_add_tail(&waker->node, &k->wakers);
	*out = waker;
	return 0;
}

static struct ear *ear_find(struct waker *waker, uint32_t *bell)
{
	struct ear *vacant = NULL;
	uint32_t i;

	for (i = 0; i < EARS; i++) {
		struct ear *ear = &waker->ears[i];

		if (ear->waits && ear->bell == bell)
			return ear;
		if (!ear->waits && !vacant)
			vacant = ear;
	}
	if (!vacant)
		return NULL;
	CDS_INIT_LIST_HEAD(&vacant->asleep);
	vacant->bell = bell;
	/* No bell has this value once it is listened to, so the first look is at all. */
	vacant->seen = 0;
	return vacant;
}

/* Gives @p to @waker. -EBADF: that has no ear free, or its channel was closed. */
static int pass(struct kreg_pending *p, struct waker *waker)
{
	struct ear *ear = ear_find(waker, bell_of(&p->k->segment, p->q.bell));
	int err = ear ? pair_pass(&waker->channel, p->pair.fd_write) : -EBADF;

	if (err)
		return err;
	ear->waits++;
	p->ear = ear;
	p->waker = waker;
	cds_list_add_tail(&p->node, &waker->arrived);
	bell_ring(&waker->own);
	return 0;
}

static int find_waker(struct kreg_pending *p)
{
	struct waker *waker;
	int err = -EBADF;

	cds_list_for_each_entry (waker, &p->k->wakers, node) {
		err = pass(p, waker);
		if (err != -EBADF)
			return err;
	}
	err = waker_new(p->k, &waker);
	if (!err)
		err = pass(p, waker);
	/* Another thread of the program has just closed that, or has filled it. */
	return err == -EBADF ? -EMFILE : err;
}

/* Under the mutex. */
static void give_up(struct kreg_pending *p)
{
	cds_list_del(&p->of_handle);
	cds_list_del(&p->node);
	cds_list_add(&p->node, &p->waker->gone);
	p->ear->waits--;
	p->state = PENDING_GONE;
	bell_ring(&p->waker->own);
}

int waker_begin(struct kreg_pending *p)
{
	struct kreg *k = p->k;
	int err;

	pthread_mutex_lock(&k->pending_mutex);
	err = find_waker(p);
	if (!err) {
		cds_list_add(&p->of_handle, &k->pendings);
		while (p->state == PENDING_NEW)
			pthread_cond_wait(&p->waker->changed, &k->pending_mutex);
	}
	pthread_mutex_unlock(&k->pending_mutex);
	return err;
}

void waker_again(struct kreg_pending *p)
{
	struct kreg *k = p->k;

	pthread_mutex_lock(&k->pending_mutex);
	if (p->state == PENDING_TOLD) {
		pair_clear(&p->pair);
		p->state = PENDING_FRESH;
		cds_list_del(&p->node);
		cds_list_add(&p->node, &p->ear->asleep);
		bell_ring(&p->waker->own);
	}
	pthread_mutex_unlock(&k->pending_mutex);
}

void waker_forget(struct kreg_pending *p)
{
	struct kreg *k = p->k;

	pthread_mutex_lock(&k->pending_mutex);
	give_up(p);
	pthread_mutex_unlock(&k->pending_mutex);
}

static void end_waker(struct waker *waker, bool is_ours)
{
	if (is_ours) {
		pthread_mutex_lock(&waker->k->pending_mutex);
		waker->stop = true;
		bell_ring(&waker->own);
		pthread_mutex_unlock(&waker->k->pending_mutex);
		background_join(&waker->thread);
		pthread_cond_destroy(&waker->changed);
	}
	close_channel(waker, true);
	free(waker);
}

void wakers_stop(struct kreg *k)
{
	bool is_ours = !handle_is_parents(k);
	struct waker *waker, *next_waker;
	struct kreg_pending *p, *next;

	/* A child reads only `next`: the lists are whole that way, whatever was going on. */
	cds_list_for_each_entry_safe (waker, next_waker, &k->wakers, node)
		end_waker(waker, is_ours);
	cds_list_for_each_entry_safe (p, next, &k->pendings, of_handle) {
		p->k = NULL;
		p->over = is_ours ? -ECANCELED : -EOWNERDEAD;
		if (p->is_closed)
			free(p);
	}
}
