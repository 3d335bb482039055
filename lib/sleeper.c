/* SPDX-License-Identifier: MIT */
/*
 * Armed, it sleeps until the bell is rung, makes the fd readable, and waits to be armed again.
 */
#include "lib/sleeper.h"

#include <errno.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "shm/background.h"
#include "shm/bell.h"
#include "shm/mutex.h"

static void *sleeper_run(void *data)
{
	struct sleeper *sleeper = data;
	uint32_t seen;
	bool stop;

	for (;;) {
		pthread_mutex_lock(&sleeper->mutex);
		while (!sleeper->armed && !sleeper->stop)
			pthread_cond_wait(&sleeper->changed, &sleeper->mutex);
		seen = sleeper->seen;
		stop = sleeper->stop;
		sleeper->armed = false;
		pthread_mutex_unlock(&sleeper->mutex);
		if (stop)
			return NULL;
		bell_wait(sleeper->bell, seen, NULL, 0, 0);
		sleeper_signal(sleeper);
	}
}

int sleeper_start(struct sleeper *sleeper, uint32_t *bell)
{
	int err;

	*sleeper = (struct sleeper){ .bell = bell };
	sleeper->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (sleeper->fd < 0)
		return -errno;
	mutex_init(&sleeper->mutex);
	pthread_cond_init(&sleeper->changed, NULL);
	err = background_start(&sleeper->thread, sleeper_run, sleeper);
	if (err)
		close(sleeper->fd);
	return err;
}

void sleeper_arm(struct sleeper *sleeper, uint32_t seen)
{
	pthread_mutex_lock(&sleeper->mutex);
	sleeper->seen = seen;
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
	bell_listen(sleeper->bell);
	bell_ring(sleeper->bell);
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
