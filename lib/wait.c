/* SPDX-License-Identifier: MIT */
/*
 * Waiting: say so, look, sleep. What wakes a waiter:
 *
 *   the bell of the key             rung by the process that changes something under it
 *   the death of the owner that     the attendant has its pidfd, and rings
 *   is in the way
 *   the end of its life by exec,    its life word is a futex, and the kernel wakes one waiter, which wakes the others
 *   in the fallback
 *   the attendant's look            whatever has happened, at most ATTENDANT_MS later
 *
 * The first three come at once, and each needs a process that may be killed or stopped before it wakes anybody.
 * The last needs only the waiter's own process. Where that can have no attendant, each waiter sleeps for
 * ATTENDANT_MS at most, and looks by itself.
 *
 * A waiter that dies leaves a flag at the bell, and a lock's line without it.
 */
#include "lib/wait.h"

#include <errno.h>

#include "lib/attendant.h"
#include "shm/bell.h"
#include "shm/clock.h"
#include "shm/line.h"

/* A line that changes each time while it is looked at is waited for without knowing what it was. */
#define LOOK_TRIES 16

struct waiting {
	struct kreg *k;
	const struct query *q;
	uint32_t *bell;
	struct line *line; /* NULL: there is no attendant */
	owner_t owner;     /* whose end we would hear of at once; 0: nobody's */
	struct death *death;
};

static void forget_owner(struct waiting *w)
{
	if (w->owner && w->k->segment.lives)
		life_robust_wake(w->k->segment.lives, w->owner);
	if (w->death)
		attendant_forget(w->k, w->death);
	w->death = NULL;
	w->owner = 0;
}

/* False: it is dead by now. */
static bool watch_owner(struct waiting *w, owner_t owner)
{
	if (owner == w->k->self.owner)
		owner = 0;
	if (owner != w->owner) {
		forget_owner(w);
		if (owner && w->line)
			w->death = attendant_watch(w->k, w->line, owner);
		w->owner = owner;
	}
	return !owner || life_is_alive(&w->k->lives, owner);
}

/* From now on; 0: for ever. */
static uint64_t deadline_of(int64_t timeout_ms)
{
	uint64_t now = clock_now();

	if (timeout_ms < 0 || (uint64_t)timeout_ms > (UINT64_MAX - now) / 1000000)
		return 0;
	return now + (uint64_t)timeout_ms * 1000000;
}

static void sleep_once(struct waiting *w, uint32_t seen, uint64_t deadline)
{
	uint64_t soon = clock_now() + ATTENDANT_MS * 1000000ull;
	uint32_t *life = NULL, life_seen = 0;

	if (w->owner && w->k->segment.lives) {
		life = life_robust_listen(w->k->segment.lives, w->owner, &life_seen);
		if (!life)
			return;
	}
	if (!w->line && (!deadline || soon < deadline))
		deadline = soon;
	bell_wait(w->bell, seen, life, life_seen, deadline);
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

static uint64_t print_of(const struct waiting *w)
{
	return line_print(&w->k->segment, &w->k->lives, w->q, w->k->self.owner);
}

/* What the line is before a look, and whether it was the same throughout. */
struct sight {
	uint64_t print, epoch;
};

static void sight_begin(struct waiting *w, struct sight *sight)
{
	if (!w->line)
		return;
	sight->epoch = grace_peek(&w->k->segment);
	sight->print = print_of(w);
	attendant_compare(w->k, w->line, sight->print);
}

/* False: the look may have seen another line than the one that the attendant will compare with. */
static bool sight_held(struct waiting *w, const struct sight *sight)
{
	return !w->line || !sight->print ||
	       (print_of(w) == sight->print && grace_peek_held(&w->k->segment, sight->epoch));
}

/* Looks once more, knowing what the line is, and sleeps if there is nothing yet. */
static ssize_t sleep_if_nothing(struct waiting *w, uint64_t deadline, wait_look_fn look, void *data)
{
	uint32_t seen, tries = 0;
	struct sight sight;
	owner_t in_the_way;
	ssize_t got;
	bool held;

	do {
		seen = bell_listen(w->bell);
		sight_begin(w, &sight);
		got = look_once(w->k, w->q, look, data, &in_the_way);
		if (got != -EAGAIN || !watch_owner(w, in_the_way))
			return got;
		held = sight_held(w, &sight);
	} while (!held && ++tries < LOOK_TRIES);
	if (!held)
		attendant_compare(w->k, w->line, 0);
	sleep_once(w, seen, deadline);
	return got;
}

ssize_t wait_until(struct kreg *k, const struct query *q, int64_t timeout_ms, wait_look_fn look,
		   void *data)
{
	struct waiting w = { .k = k, .q = q, .bell = bell_of(&k->segment, q->bell) };
	uint64_t deadline = deadline_of(timeout_ms);
	owner_t in_the_way;
	ssize_t got;
	bool late;

	for (;;) {
		/* The last look is after the deadline. */
		late = deadline && deadline <= clock_now();
		got = look_once(k, q, look, data, &in_the_way);
		if (got != -EAGAIN || late)
			break;
		if (!w.line)
			w.line = attendant_join(k, q);
		got = sleep_if_nothing(&w, deadline, look, data);
		if (got != -EAGAIN)
			break;
	}
	forget_owner(&w);
	if (w.line)
		attendant_leave(k, w.line);
	return got == -EAGAIN ? -ETIMEDOUT : got;
}
