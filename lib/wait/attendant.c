/* SPDX-License-Identifier: MIT */
/*
 * A futex can be waited for by thousands of threads, a death only through an fd. So a thread of deaths.c sleeps
 * with the pidfds of all owners that are in a waiter's way, and turns a death into a ring: the waiters
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
#include "lib/wait/attendant.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/wait/deaths.h"
#include "base/background.h"
#include "shm/bell.h"
#include "base/clock.h"
#include "shm/line.h"
#include "shm/query.h"

#define INTERVAL (ATTENDANT_MS * 1000000ull)

struct line {
	struct cds_list_head node;
	struct query q;
	uint32_t *bell;
	uint32_t waiters;
	uint64_t print; /* 0: not known, so the next look rings */
	struct cds_list_head dreads;
	unsigned char key[];
};

/* One owner whose death rings a line's bell. */
struct dread {
	struct cds_list_head node;
	owner_t owner;
	struct death *death;
	uint32_t waiters;
};

/* Under the handle's attendant_mutex. */
struct attendant {
	struct kreg *k;
	pthread_t thread;
	pthread_cond_t changed; /* look around */
	struct deaths deaths;
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

/* Until when there is nothing to look at, as a->next. */
static uint64_t look_around(struct attendant *a)
{
	uint64_t now = clock_now();
	struct line *line;

	if (a->next && now >= a->next) {
		handle_is_lost(a->k);
		cds_list_for_each_entry (line, &a->lines, node)
			look_at_line(a->k, line);
		a->next = cds_list_empty(&a->lines) ? 0 : now + INTERVAL;
	}
	return a->next;
}

static void poke(struct attendant *a)
{
	pthread_cond_signal(&a->changed);
}

static void *attendant_run(void *data)
{
	struct attendant *a = data;
	struct timespec until;
	uint64_t next;

	deaths_begin(&a->deaths, -1);
	pthread_mutex_lock(&a->k->attendant_mutex);
	while (!a->stop) {
		deaths_serve(&a->deaths);
		next = look_around(a);
		until = clock_time(next);
		if (next)
			pthread_cond_timedwait(&a->changed, &a->k->attendant_mutex, &until);
		else
			pthread_cond_wait(&a->changed, &a->k->attendant_mutex);
	}
	pthread_mutex_unlock(&a->k->attendant_mutex);
	deaths_end(&a->deaths);
	return NULL;
}

static void ring(void *bell)
{
	bell_ring(bell);
}

static void dread_free(struct attendant *a, struct dread *dread)
{
	cds_list_del(&dread->node);
	deaths_forget(&a->deaths, dread->death);
	free(dread);
}

static void line_free(struct attendant *a, struct line *line)
{
	struct dread *dread, *next;

	cds_list_for_each_entry_safe (dread, next, &line->dreads, node)
		dread_free(a, dread);
	cds_list_del(&line->node);
	free(line);
}

static void attendant_free(struct attendant *a)
{
	struct line *line, *next;

	cds_list_for_each_entry_safe (line, next, &a->lines, node)
		line_free(a, line);
	deaths_free(&a->deaths);
	free(a);
}

static int changed_init(pthread_cond_t *changed)
{
	pthread_condattr_t attr;
	int err = pthread_condattr_init(&attr);

	if (err)
		return err;
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	err = pthread_cond_init(changed, &attr);
	pthread_condattr_destroy(&attr);
	return err;
}

/* NULL: it is not to be had. */
static struct attendant *attendant_new(struct kreg *k)
{
	struct attendant *a = calloc(1, sizeof(*a));

	if (!a)
		return NULL;
	a->k = k;
	CDS_INIT_LIST_HEAD(&a->lines);
	deaths_init(&a->deaths, k, ring);
	if (changed_init(&a->changed) || background_start(&a->thread, attendant_run, a)) {
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
	CDS_INIT_LIST_HEAD(&line->dreads);
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

static struct dread *dread_find(struct line *line, owner_t owner)
{
	struct dread *dread;

	cds_list_for_each_entry (dread, &line->dreads, node) {
		if (dread->owner == owner)
			return dread;
	}
	return NULL;
}

static struct dread *dread_new(struct attendant *a, struct line *line, owner_t owner)
{
	struct dread *dread = calloc(1, sizeof(*dread));

	if (!dread)
		return NULL;
	dread->owner = owner;
	dread->death = deaths_watch(&a->deaths, owner, line->bell);
	if (!dread->death) {
		free(dread);
		return NULL;
	}
	cds_list_add(&dread->node, &line->dreads);
	poke(a);
	return dread;
}

struct dread *attendant_watch(struct kreg *k, struct line *line, owner_t owner)
{
	struct dread *dread;

	pthread_mutex_lock(&k->attendant_mutex);
	dread = dread_find(line, owner);
	if (!dread)
		dread = dread_new(k->attendant, line, owner);
	if (dread)
		dread->waiters++;
	pthread_mutex_unlock(&k->attendant_mutex);
	return dread;
}

void attendant_forget(struct kreg *k, struct dread *dread)
{
	pthread_mutex_lock(&k->attendant_mutex);
	/* Its pidfd is closed when the attendant wakes next, to watch another one for example. */
	if (!--dread->waiters)
		dread_free(k->attendant, dread);
	pthread_mutex_unlock(&k->attendant_mutex);
}

void attendant_stop(struct kreg *k)
{
	struct attendant *a = k->attendant;

	if (!a)
		return;
	/* In a child of fork() its thread is not there, but counts as one that waits. */
	if (!handle_is_parents(k)) {
		pthread_mutex_lock(&k->attendant_mutex);
		a->stop = true;
		poke(a);
		pthread_mutex_unlock(&k->attendant_mutex);
		pthread_join(a->thread, NULL);
		pthread_cond_destroy(&a->changed);
	}
	attendant_free(a);
	k->attendant = NULL;
}
