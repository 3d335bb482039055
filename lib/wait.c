/* SPDX-License-Identifier: MIT */
/*
 * Waiting: say so, look, sleep. Three things wake: the bell of the key, rung by whoever changes
 * something under it; the death of the owner that is in the way, which the attendant turns into a ring;
 * and in the fallback the end of its life by exec, for which its life word is a futex too.
 *
 * A waiter that dies leaves a flag at the bell, and a lock's line without it.
 */
#include "lib/wait.h"

#include <errno.h>
#include <time.h>

#include "lib/attendant.h"
#include "shm/bell.h"

/* Who is in another PID namespace has no pidfd here; so it is looked at so often. */
#define UNWATCHED_MS 100

/* Whose end we would hear of. */
struct watch {
	owner_t owner; /* 0: nobody's */
	int fd;        /* -EREMOTE: not to be had */
};

static void watch_end(struct kreg *k, struct watch *watch)
{
	if (watch->owner && k->segment.lives)
		life_robust_wake(k->segment.lives, watch->owner);
	attendant_forget(k, watch->fd);
	*watch = (struct watch){ .fd = -1 };
}

/* -EAGAIN: it is dead by now. */
static int watch_owner(struct kreg *k, struct watch *watch, owner_t owner, uint32_t *bell)
{
	if (owner == k->self.owner)
		owner = 0;
	if (owner == watch->owner)
		return 0;
	watch_end(k, watch);
	if (!owner)
		return 0;
	watch->fd = attendant_watch(k, owner, bell);
	if (watch->fd < 0 && watch->fd != -EREMOTE)
		return watch->fd == -ESRCH ? -EAGAIN : watch->fd;
	watch->owner = owner;
	return 0;
}

static const struct timespec *deadline_of(int64_t timeout_ms, struct timespec *out)
{
	if (timeout_ms < 0)
		return NULL;
	clock_gettime(CLOCK_MONOTONIC, out);
	out->tv_sec += timeout_ms / 1000;
	out->tv_nsec += timeout_ms % 1000 * 1000000;
	if (out->tv_nsec >= 1000000000) {
		out->tv_nsec -= 1000000000;
		out->tv_sec++;
	}
	return out;
}

static bool is_before(const struct timespec *a, const struct timespec *b)
{
	return a->tv_sec < b->tv_sec || (a->tv_sec == b->tv_sec && a->tv_nsec < b->tv_nsec);
}

/* -ETIMEDOUT: not before @deadline. */
static int sleep_once(struct kreg *k, const struct watch *watch, uint32_t *bell, uint32_t seen,
		      const struct timespec *deadline)
{
	uint32_t *life = NULL, life_seen = 0;
	struct timespec soon;
	bool blind = watch->fd == -EREMOTE;
	int err;

	if (watch->owner && k->segment.lives) {
		life = life_robust_listen(k->segment.lives, watch->owner, &life_seen);
		if (!life)
			return 0;
	}
	if (blind) {
		deadline_of(UNWATCHED_MS, &soon);
		blind = !deadline || is_before(&soon, deadline);
	}
	err = bell_wait(bell, seen, life, life_seen, blind ? &soon : deadline);
	return blind ? 0 : err;
}

int wait_find(struct kreg *k, const struct query *q, struct found *out)
{
	struct thread *thread;
	int err = handle_enter(k, &thread);

	if (err)
		return err;
	err = table_find_first(&thread->writer, q, out);
	handle_leave(thread);
	return err;
}

static ssize_t look_once(struct kreg *k, const struct query *q, wait_look_fn look, void *data,
			 owner_t *in_the_way)
{
	int err = handle_check(k);

	*in_the_way = 0;
	return err ? err : look(k, q, in_the_way, data);
}

ssize_t wait_until(struct kreg *k, const struct query *q, int64_t timeout_ms, wait_look_fn look,
		   void *data)
{
	uint32_t *bell = bell_of(&k->segment, q->bell);
	struct watch watch = { .fd = -1 };
	const struct timespec *deadline;
	owner_t in_the_way;
	struct timespec at;
	int late = 0;
	ssize_t got = look_once(k, q, look, data, &in_the_way);

	deadline = deadline_of(timeout_ms, &at);
	while (got == -EAGAIN && !late) {
		uint32_t seen = bell_listen(bell);
		int err;

		got = look_once(k, q, look, data, &in_the_way);
		if (got != -EAGAIN)
			break;
		err = watch_owner(k, &watch, in_the_way, bell);
		if (err == -EAGAIN)
			continue;
		if (err) {
			got = err;
			break;
		}
		late = sleep_once(k, &watch, bell, seen, deadline);
		if (late)
			got = look_once(k, q, look, data, &in_the_way);
	}
	watch_end(k, &watch);
	return got == -EAGAIN ? -ETIMEDOUT : got;
}
