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
#include "lib/wait/wait.h"

#include <errno.h>

#include "lib/wait/attendant.h"
#include "shm/bell.h"
#include "base/clock.h"
#include "shm/line.h"
#include "shm/query.h"

/* So often a waiter looks again at once where look and view differ; then it waits without knowing the line. */
#define LOOK_TRIES 16

struct waiting {
	struct kreg *k;
	const struct query *q;
	const struct wait_for *what;
	uint32_t tries;
	uint32_t *bell;
	struct line *line; /* NULL: there is no attendant */
	owner_t owner;     /* whose end we would hear of at once; 0: nobody's */
	struct dread *dread;
};

static void forget_owner(struct waiting *w)
{
	if (w->owner && w->k->segment.lives)
		life_robust_wake(w->k->segment.lives, w->owner);
	if (w->dread)
		attendant_forget(w->k, w->dread);
	w->dread = NULL;
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
			w->dread = attendant_watch(w->k, w->line, owner);
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

static ssize_t look_once(struct waiting *w)
{
	int err = handle_check(w->k);

	return err ? err : w->what->look(w->k, w->q, w->what->data);
}

/*
 * Sleeps if there is nothing in a view of the line that was taken after the waiter has listened: what comes later has
 * another print, or is rung for.
 */
static void sleep_if_nothing(struct waiting *w, uint64_t deadline)
{
	struct line_view view = { 0 };
	owner_t in_the_way = 0;
	uint32_t seen;
	bool waits;

	seen = bell_listen(w->bell);
	line_look(&w->k->segment, &w->k->lives, w->q, w->k->self.owner, w->what->whose, &view);
	waits = view.print && w->what->is_in_vain(w->k, &view, w->what->data, &in_the_way);
	if (!waits && ++w->tries < LOOK_TRIES)
		return;
	w->tries = 0;
	if (w->line)
		attendant_compare(w->k, w->line, waits ? view.print : 0);
	if (watch_owner(w, in_the_way))
		sleep_once(w, seen, deadline);
}

ssize_t wait_until(struct kreg *k, const struct query *q, int64_t timeout_ms,
		   const struct wait_for *what)
{
	struct waiting w = { .k = k, .q = q, .what = what, .bell = bell_of(&k->segment, q->bell) };
	uint64_t deadline = deadline_of(timeout_ms);
	ssize_t got;
	bool late;

	for (;;) {
		/* The last look is after the deadline. */
		late = deadline && deadline <= clock_now();
		got = look_once(&w);
		if (got != -EAGAIN || late)
			break;
		if (!w.line)
			w.line = attendant_join(k, q);
		sleep_if_nothing(&w, deadline);
	}
	forget_owner(&w);
	if (w.line)
		attendant_leave(k, w.line);
	return got == -EAGAIN ? -ETIMEDOUT : got;
}
