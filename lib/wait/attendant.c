/* SPDX-License-Identifier: MIT */
/*
 * The attendant thread: rings bells for deaths and for lost rings.
 *
 * Thousands of threads can wait for one futex, but for a death only through an fd. So a
 * thread of deaths.c sleeps with the pidfds of all owners that a waiter waits for, and
 * turns a death into a ring: the waiters look again, and find the name free. A pidfd is
 * readable once the process is dead, and its life was over before that.
 *
 * A ring may be lost: the process that made the change was killed, was stopped, or has
 * called exec between the change and the ring; or this happened to the one waiter that
 * the kernel woke. So the attendant also examines the lines themselves, each by a print
 * of its content (shm/line.h):
 *
 *   who               does                                        under the mutex
 *   a waiter          listens to the bell; takes a view of the
 *                     line; if it must wait in that view:
 *                     compares, which stores the view's print     rings if the other waiters of the
 *                                                                 line know another print
 *   the attendant     takes the print each interval, stores it    rings if it has changed
 *
 * So for each sleeping waiter one of these is true: its bell was rung since it listened,
 * or the stored print is of a line in which it must wait. A line in which it need not
 * wait has another print, so the next interval ends with a ring. If a waiter compared
 * before it listened, the attendant could ring for a change in between while the bell has
 * no flag yet, and would not ring again.
 *
 * All of this is private to the process, and ends with it. In a child of fork() there is
 * neither thread nor waiter.
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

/* Chains of lines, by key: with one, N waits that are begun would cost N² comparisons. */
#define CHAINS 512u

struct line {
	struct cds_list_head node;
	struct query q;
	uint32_t *bell;
	uint32_t waiters;
	uint64_t print; /* 0: unknown, so the next look rings */
	struct cds_list_head watched_owners;
	unsigned char key[];
};

/* One owner whose death rings a line's bell. */
struct watched {
	struct cds_list_head node;
	owner_t owner;
	struct death *death;
	uint32_t waiters;
};

/* Under the handle's attendant_mutex. */
struct attendant {
	struct kreg *k;
	struct background thread;
	pthread_cond_t changed; /* wakes the thread to look around */
	struct deaths deaths;
	bool stop;
	uint64_t next; /* when to examine the lines, as clock_now(); 0: no thread waits */
	uint32_t lines;
	struct cds_list_head chains[CHAINS];
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

/* Examines the lines if that is due. Returns when it is due next, as a->next. */
static uint64_t look_around(struct attendant *a)
{
	uint64_t now = clock_now();
	struct line *line;
	uint32_t i;

	if (!a->next || now < a->next)
		return a->next;
	handle_is_lost(a->k);
	for (i = 0; i < CHAINS; i++) {
		cds_list_for_each_entry (line, &a->chains[i], node)
			look_at_line(a->k, line);
	}
	a->next = a->lines ? now + INTERVAL : 0;
	return a->next;
}

static void wake(struct attendant *a)
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

static void watched_free(struct attendant *a, struct watched *watched)
{
	cds_list_del(&watched->node);
	deaths_forget(&a->deaths, watched->death);
	free(watched);
}

static void line_free(struct attendant *a, struct line *line)
{
	struct watched *watched, *next;

	cds_list_for_each_entry_safe (watched, next, &line->watched_owners, node)
		watched_free(a, watched);
	cds_list_del(&line->node);
	a->lines--;
	free(line);
}

static void attendant_free(struct attendant *a)
{
	struct line *line, *next;
	uint32_t i;

	for (i = 0; i < CHAINS; i++) {
		cds_list_for_each_entry_safe (line, next, &a->chains[i], node)
			line_free(a, line);
	}
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

/* NULL: no memory, or the thread could not be created. */
static struct attendant *attendant_new(struct kreg *k)
{
	struct attendant *a = calloc(1, sizeof(*a));
	uint32_t i;

	if (!a)
		return NULL;
	a->k = k;
	for (i = 0; i < CHAINS; i++)
		CDS_INIT_LIST_HEAD(&a->chains[i]);
	deaths_init(&a->deaths, k, ring);
	if (changed_init(&a->changed) || background_start(&a->thread, attendant_run, a)) {
		attendant_free(a);
		return NULL;
	}
	return a;
}

static struct cds_list_head *chain_of(struct attendant *a, const struct query *q)
{
	return &a->chains[q->hash % CHAINS];
}

static struct line *line_find(struct attendant *a, const struct query *q)
{
	struct line *line;

	cds_list_for_each_entry (line, chain_of(a, q), node) {
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
	CDS_INIT_LIST_HEAD(&line->watched_owners);
	cds_list_add(&line->node, chain_of(a, q));
	a->lines++;
	if (!a->next) {
		a->next = clock_now() + INTERVAL;
		wake(a);
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
	/*
	 * The attendant would take the new print for known, and not ring for the other
	 * waiters.
	 */
	if (print && print != line->print && line->waiters > 1)
		bell_ring(line->bell);
	line->print = print;
	pthread_mutex_unlock(&k->attendant_mutex);
}

static struct watched *watched_find(struct line *line, owner_t owner)
{
	struct watched *watched;

	cds_list_for_each_entry (watched, &line->watched_owners, node) {
		if (watched->owner == owner)
			return watched;
	}
	return NULL;
}

static struct watched *watched_new(struct attendant *a, struct line *line, owner_t owner)
{
	struct watched *watched = calloc(1, sizeof(*watched));

	if (!watched)
		return NULL;
	watched->owner = owner;
	watched->death = deaths_watch(&a->deaths, owner, line->bell);
	if (!watched->death) {
		free(watched);
		return NULL;
	}
	cds_list_add(&watched->node, &line->watched_owners);
	wake(a);
	return watched;
}

struct watched *attendant_watch(struct kreg *k, struct line *line, owner_t owner)
{
	struct watched *watched;

	pthread_mutex_lock(&k->attendant_mutex);
	watched = watched_find(line, owner);
	if (!watched)
		watched = watched_new(k->attendant, line, owner);
	if (watched)
		watched->waiters++;
	pthread_mutex_unlock(&k->attendant_mutex);
	return watched;
}

void attendant_forget(struct kreg *k, struct watched *watched)
{
	pthread_mutex_lock(&k->attendant_mutex);
	/*
	 * Its pidfd is closed when the attendant wakes next, for example to watch another
	 * owner.
	 */
	if (!--watched->waiters)
		watched_free(k->attendant, watched);
	pthread_mutex_unlock(&k->attendant_mutex);
}

void attendant_stop(struct kreg *k)
{
	struct attendant *a = k->attendant;

	if (!a)
		return;
	/*
	 * In a child of fork() the thread does not exist, but the condition variable
	 * counts it as a waiter.
	 */
	if (!handle_is_parents(k)) {
		pthread_mutex_lock(&k->attendant_mutex);
		a->stop = true;
		wake(a);
		pthread_mutex_unlock(&k->attendant_mutex);
		background_join(&a->thread);
		pthread_cond_destroy(&a->changed);
	}
	attendant_free(a);
	k->attendant = NULL;
}
