/* SPDX-License-Identifier: MIT */
/*
 * Armed, it sleeps until the bell is rung, makes the fd readable, and waits to be armed again.
 *
 * A ring may never come: its maker was killed, stopped, or has called exec between what it did and the ring. So
 * ten times a second it takes a print of the registry, and if that is another one than the listener had before it
 * last heard, that is as good as a ring. All words in the print go one way, so none that has gone comes back.
 * So is a thread that is inside of a call just then: its process may have been stopped before it told anything, and the
 * listener has to look whether it stays there (halted.c).
 */
#include "lib/sleeper.h"

#include <errno.h>
#include <unistd.h>

#include "lib/halted.h"
#include "shm/background.h"
#include "shm/bell.h"
#include "shm/clock.h"
#include "shm/fd.h"
#include "shm/log.h"
#include "shm/mutex.h"

#define LOOK_NS 100000000u

static bool is_news(const struct sleeper *sleeper, const struct sleep *until)
{
	const struct kreg *k = sleeper->k;

	return until->ask_again || log_print(&k->segment, &k->lives) != until->print;
}

/* Until the bell is rung, or there is news without a ring. */
static void sleep_until(const struct sleeper *sleeper, const struct sleep *until)
{
	uint32_t *bell = &sleeper->k->segment.header->news;

	while (bell_wait(bell, until->seen, NULL, 0, clock_now() + LOOK_NS)) {
		handle_file_is_lost(sleeper->k);
		if (is_news(sleeper, until) || halted_is_inside(sleeper->k))
			return;
	}
}

static void *sleeper_run(void *data)
{
	struct sleeper *sleeper = data;
	struct sleep until;
	bool stop;

	for (;;) {
		pthread_mutex_lock(&sleeper->mutex);
		while (!sleeper->armed && !sleeper->stop)
			pthread_cond_wait(&sleeper->changed, &sleeper->mutex);
		until = sleeper->until;
		stop = sleeper->stop;
		sleeper->armed = false;
		pthread_mutex_unlock(&sleeper->mutex);
		if (stop)
			return NULL;
		sleep_until(sleeper, &until);
		sleeper_signal(sleeper);
	}
}

int sleeper_start(struct sleeper *sleeper, struct kreg *k)
{
	int err;

	*sleeper = (struct sleeper){ .k = k };
	sleeper->fd = fd_event();
	if (sleeper->fd < 0)
		return sleeper->fd;
	mutex_init(&sleeper->mutex);
	pthread_cond_init(&sleeper->changed, NULL);
	err = background_start(&sleeper->thread, sleeper_run, sleeper);
	if (err)
		close(sleeper->fd);
	return err;
}

void sleeper_arm(struct sleeper *sleeper, const struct sleep *until)
{
	pthread_mutex_lock(&sleeper->mutex);
	sleeper->until = *until;
	sleeper->armed = true;
	pthread_cond_signal(&sleeper->changed);
	pthread_mutex_unlock(&sleeper->mutex);
}

void sleeper_stop(struct sleeper *sleeper)
{
	pthread_mutex_lock(&sleeper->mutex);
	sleeper->stop = true;
	pthread_cond_signal(&sleeper->changed);
	pthread_mutex_unlock(&sleeper->mutex);
	bell_listen(&sleeper->k->segment.header->news);
	bell_ring(&sleeper->k->segment.header->news);
	pthread_join(sleeper->thread, NULL);
	pthread_cond_destroy(&sleeper->changed);
	pthread_mutex_destroy(&sleeper->mutex);
	close(sleeper->fd);
}

void sleeper_signal(struct sleeper *sleeper)
{
	const uint64_t one = 1;

	while (write(sleeper->fd, &one, sizeof(one)) < 0 && errno == EINTR)
		;
}

void sleeper_clear(struct sleeper *sleeper)
{
	uint64_t count;

	while (read(sleeper->fd, &count, sizeof(count)) < 0 && errno == EINTR)
		;
}
