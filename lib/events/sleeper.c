/* SPDX-License-Identifier: MIT */
/*
 * The sleeper thread. Once armed, it sleeps until the bell is rung, makes the fd
 * readable, and waits to be armed again.
 *
 * A ring costs its writer a system call, and a wake-up the listener two threads' way to a
 * CPU: more than a hundred events. So the fd becomes readable once in APART_NS at most.
 * Before that the sleeper leaves the bell's flag alone, and no writer rings; when it sets
 * the flag, it compares the print, which shows what was missed. While a listener has not
 * heard anything for APART_NS, it hears the next event at once.
 *
 * A ring may be lost: the process that was to ring was killed, was stopped, or has called
 * exec before. So ten times a second the sleeper takes a print of the registry; if it
 * differs from the print that the listener took before it last read the logs, that counts
 * as a ring. All words in the print change in one direction only, so no earlier print
 * comes back. At the same interval it looks for core dumps (dumps.c), and for threads
 * inside of a call: their process may have been stopped before it wrote a record, and the
 * listener has to check whether it stays there (halted.c).
 */
#include "lib/events/sleeper.h"

#include "lib/events/halted.h"
#include "base/background.h"
#include "shm/bell.h"
#include "base/clock.h"
#include "shm/log.h"
#include "base/mutex.h"

#define LOOK_NS 100000000u
#define APART_NS 250000u

static bool is_news(const struct sleeper *sleeper, const struct sleep *until)
{
	const struct kreg *k = sleeper->k;

	return until->ask_again || !life_is_alive(&k->lives, k->self.owner) ||
	       log_print(&k->segment, &k->lives) != until->print;
}

/*
 * sleeper_stop() may have rung before the sleeper asked for a ring. With the fence of
 * bell_listen() before this look, and that of bell_ring() behind the store, one of both
 * notices the other.
 */
static bool has_to_stop(struct sleeper *sleeper)
{
	bool stop;

	pthread_mutex_lock(&sleeper->mutex);
	stop = sleeper->stop;
	pthread_mutex_unlock(&sleeper->mutex);
	return stop;
}

static bool is_new_dump(struct sleeper *sleeper)
{
	bool found;

	pthread_mutex_lock(&sleeper->mutex);
	found = dumps_look(&sleeper->dumps);
	pthread_mutex_unlock(&sleeper->mutex);
	return found;
}

/* Sleeps until the bell is rung, or there is news without a ring. */
static void sleep_until(struct sleeper *sleeper, const struct sleep *until)
{
	uint32_t *bell = &sleeper->k->segment.header->news, seen;
	struct timespec from = clock_time(sleeper->told + APART_NS);

	/* Returns at once if that is over. A signal is blocked in threads of the library. */
	clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &from, NULL);
	/* Its fence, then the print: what is missing in that rings. */
	seen = bell_listen(bell);
	if (has_to_stop(sleeper) || is_news(sleeper, &(struct sleep){ .print = until->print }))
		return;
	while (!is_new_dump(sleeper) && bell_wait(bell, seen, NULL, 0, clock_now() + LOOK_NS)) {
		handle_is_lost(sleeper->k);
		if (is_news(sleeper, until) || halted_is_inside(sleeper->k))
			return;
	}
}

static void tell(void *data)
{
	const struct sleeper *sleeper = data;

	pair_signal(&sleeper->pair);
}

void sleeper_signal(struct sleeper *sleeper)
{
	if (pair_signal(&sleeper->pair))
		return;
	pthread_mutex_lock(&sleeper->mutex);
	sleeper->is_asked = true;
	pthread_cond_broadcast(&sleeper->changed);
	pthread_mutex_unlock(&sleeper->mutex);
}

void sleeper_clear(struct sleeper *sleeper)
{
	pair_clear(&sleeper->pair);
}

/* Under the mutex: waits until the sleeper is armed or has to stop. */
static void serve(struct sleeper *sleeper)
{
	for (;;) {
		deaths_serve(&sleeper->deaths);
		if (sleeper->is_asked)
			pair_signal(&sleeper->pair);
		sleeper->is_asked = false;
		if (sleeper->armed || sleeper->stop)
			return;
		pthread_cond_wait(&sleeper->changed, &sleeper->mutex);
	}
}

static void *sleeper_run(void *data)
{
	struct sleeper *sleeper = data;
	struct sleep until;
	bool stop;

	deaths_begin(&sleeper->deaths, sleeper->pair.fd_write);
	do {
		pthread_mutex_lock(&sleeper->mutex);
		sleeper->has_begun = true;
		pthread_cond_broadcast(&sleeper->changed);
		serve(sleeper);
		until = sleeper->until;
		stop = sleeper->stop;
		sleeper->armed = false;
		pthread_mutex_unlock(&sleeper->mutex);
		if (!stop) {
			sleep_until(sleeper, &until);
			sleeper->told = clock_now();
			pair_signal(&sleeper->pair);
		}
	} while (!stop);
	deaths_end(&sleeper->deaths);
	return NULL;
}

int sleeper_start(struct sleeper *sleeper, struct kreg *k)
{
	int err;

	*sleeper = (struct sleeper){ .k = k };
	err = pair_new(&sleeper->pair);
	if (err)
		return err;
	mutex_init(&sleeper->mutex);
	pthread_cond_init(&sleeper->changed, NULL);
	deaths_init(&sleeper->deaths, k, tell);
	dumps_init(&sleeper->dumps, k);
	err = background_start(&sleeper->thread, sleeper_run, sleeper);
	if (err) {
		pair_free(&sleeper->pair);
		return err;
	}
	/* By then the thread has its own copy of the fd. */
	pthread_mutex_lock(&sleeper->mutex);
	while (!sleeper->has_begun)
		pthread_cond_wait(&sleeper->changed, &sleeper->mutex);
	pthread_mutex_unlock(&sleeper->mutex);
	return 0;
}

void sleeper_arm(struct sleeper *sleeper, const struct sleep *until)
{
	pthread_mutex_lock(&sleeper->mutex);
	sleeper->until = *until;
	sleeper->armed = true;
	pthread_cond_broadcast(&sleeper->changed);
	pthread_mutex_unlock(&sleeper->mutex);
}

struct death *sleeper_watch(struct sleeper *sleeper, owner_t owner)
{
	struct death *death;

	pthread_mutex_lock(&sleeper->mutex);
	death = deaths_watch(&sleeper->deaths, owner, sleeper);
	pthread_cond_broadcast(&sleeper->changed);
	pthread_mutex_unlock(&sleeper->mutex);
	return death;
}

void sleeper_forget(struct sleeper *sleeper, struct death *death)
{
	pthread_mutex_lock(&sleeper->mutex);
	deaths_forget(&sleeper->deaths, death);
	pthread_cond_broadcast(&sleeper->changed);
	pthread_mutex_unlock(&sleeper->mutex);
}

struct dump *sleeper_watch_dump(struct sleeper *sleeper, owner_t owner)
{
	struct dump *dump;

	pthread_mutex_lock(&sleeper->mutex);
	dump = dumps_watch(&sleeper->dumps, owner);
	pthread_mutex_unlock(&sleeper->mutex);
	return dump;
}

void sleeper_forget_dump(struct sleeper *sleeper, struct dump *dump)
{
	pthread_mutex_lock(&sleeper->mutex);
	dumps_forget(&sleeper->dumps, dump);
	pthread_mutex_unlock(&sleeper->mutex);
}

void sleeper_stop(struct sleeper *sleeper)
{
	pthread_mutex_lock(&sleeper->mutex);
	sleeper->stop = true;
	pthread_cond_broadcast(&sleeper->changed);
	pthread_mutex_unlock(&sleeper->mutex);
	bell_listen(&sleeper->k->segment.header->news);
	bell_ring(&sleeper->k->segment.header->news);
	background_join(&sleeper->thread);
	pthread_cond_destroy(&sleeper->changed);
	pthread_mutex_destroy(&sleeper->mutex);
	sleeper_abandon(sleeper);
}

void sleeper_abandon(struct sleeper *sleeper)
{
	deaths_free(&sleeper->deaths);
	dumps_free(&sleeper->dumps);
	pair_free(&sleeper->pair);
}
