/* SPDX-License-Identifier: MIT */
/*
 * Blocking waits. A waiter sets the bell's flag, rechecks the condition, and sleeps. It
 * is woken by
 *
 *   the key's bell                  rung by the process that changes something under the key
 *   the death of the owner that     the attendant has its pidfd, and rings
 *   it waits for
 *   the end of that owner's life    the life word is a futex; the kernel wakes one waiter, which
 *   by exec, in the fallback        wakes the others
 *   the attendant's look            whatever has happened, at most ATTENDANT_MS later
 *
 * The first three come at once, but each depends on a process that may be killed or
 * stopped before it wakes anyone. The last depends on the waiter's own process only. If
 * no attendant can be created, each waiter sleeps for ATTENDANT_MS at most, and polls.
 *
 * A waiter that dies leaves a flag in the bell, and in a lock's line nothing.
 */
#include "lib/wait/wait.h"

#include <errno.h>

#include "lib/wait/attendant.h"
#include "shm/bell.h"
#include "base/clock.h"
#include "base/mutex.h"
#include "shm/line.h"
#include "shm/query.h"

/*
 * After this many looks that disagree with the view, the waiter sleeps without knowing
 * the line.
 */
#define LOOK_TRIES 16

int waits_prepare(struct kreg *k)
{
	int err = mutex_init(&k->attendant_mutex);

	return err ? err : mutex_init(&k->pending_mutex);
}

static void forget_owner(struct waiting *w)
{
	if (w->owner && w->k->segment.lives)
		life_robust_wake(w->k->segment.lives, w->owner);
	if (w->watched)
		attendant_forget(w->k, w->watched);
	w->watched = NULL;
	w->owner = 0;
}

/* False: @owner is dead already. */
static bool watch_owner(struct waiting *w, owner_t owner)
{
	if (owner == w->k->self.owner)
		owner = 0;
	if (owner != w->owner) {
		forget_owner(w);
		if (owner && w->line)
			w->watched = attendant_watch(w->k, w->line, owner);
		w->owner = owner;
	}
	return !owner || life_is_alive(&w->k->lives, owner);
}

/* The time @timeout_ms from now; 0: no timeout. */
static uint64_t deadline_of(int64_t timeout_ms)
{
	uint64_t now = clock_now();

	if (timeout_ms < 0 || (uint64_t)timeout_ms > (UINT64_MAX - now) / 1000000)
		return 0;
	return now + (uint64_t)timeout_ms * 1000000;
}

static void sleep_once(struct waiting *w, uint32_t *bell, uint32_t seen, uint64_t deadline)
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
	bell_wait(bell, seen, life, life_seen, deadline);
}

int wait_find(struct kreg *k, const struct query *q, struct found *out)
{
	struct thread *thread;
	int err = handle_enter(k, &thread);

	if (err)
		return err;
	err = table_find_first(&thread->writer, q, out);
	/* A name that was waited for: from now on lookups find it by the index. */
	if (!err && out->owner == k->self.owner && q->kinds & KINDS_OF_NAMES &&
	    grace_protect(&thread->writer, HAZARD_OWN, out->place))
		table_settle(&thread->writer, q, out->owner, out->place);
	handle_leave(thread);
	return err;
}

static ssize_t look_once(struct waiting *w)
{
	int err = handle_check(w->k);

	return err ? err : w->what->look(w->k, w->q, w->what->data);
}

/* Whether a look would be refused, for good. */
static bool is_refused(const struct kreg *k)
{
	return segment_is_over(&k->segment) || !life_is_alive(&k->lives, k->self.owner);
}

/*
 * The condition is not met in a view of the line that was taken after the waiter has
 * listened. A later change has another print, or rings the bell. Sleeping on an older view
 * would lose a change between view and bell. That the registry or this life is over is in
 * the print as well, so it is asked for after the view: a print that says so never changes
 * any more.
 */
bool waiting_may_sleep(struct waiting *w)
{
	struct line_view view = { 0 };
	owner_t blocker = 0;
	bool waits;

	line_look(&w->k->segment, &w->k->lives, w->q, w->k->self.owner, w->what->whose, &view);
	waits = view.print && w->what->must_wait(w->k, &view, w->what->data, &blocker);
	if (is_refused(w->k) || (!waits && ++w->tries < LOOK_TRIES))
		return false;
	w->tries = 0;
	if (w->line)
		attendant_compare(w->k, w->line, waits ? view.print : 0);
	return watch_owner(w, blocker);
}

void waiting_end(struct waiting *w)
{
	forget_owner(w);
	if (w->line)
		attendant_leave(w->k, w->line);
	w->line = NULL;
}

ssize_t wait_until(struct kreg *k, const struct query *q, int64_t timeout_ms,
		   const struct wait_for *what)
{
	struct waiting w = { .k = k, .q = q, .what = what };
	uint32_t *bell = bell_of(&k->segment, q->bell), seen;
	uint64_t deadline = deadline_of(timeout_ms);
	ssize_t got;
	bool late;

	for (;;) {
		/* Read before the look, so that the last look is after the deadline. */
		late = deadline && deadline <= clock_now();
		got = look_once(&w);
		if (got != -EAGAIN || late)
			break;
		if (!w.line)
			w.line = attendant_join(k, q);
		seen = bell_listen(bell);
		if (waiting_may_sleep(&w))
			sleep_once(&w, bell, seen, deadline);
	}
	waiting_end(&w);
	return got == -EAGAIN ? -ETIMEDOUT : got;
}
