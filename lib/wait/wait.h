/* SPDX-License-Identifier: MIT */
/*
 * Waits for a change of the table, and for the death of an owner: what each wait does, be
 * it in a call that blocks or behind an fd (pending.c).
 *
 * Promises  a condition that was met before the wait, or is met during it and stays so,
 *           is found: at once if the process that made the change rings, else about 100
 *           ms later. A timeout is kept. No wait fails because a thread or an fd could
 *           not be created.
 * Needs     a look that may be repeated at any time.
 * Context   blocks. Not in signal handlers; a signal does not end it.
 * Used by   await.c, lock.c, claim.c, await_end.c, pending.c, waker.c.
 */
#ifndef KREG_LIB_WAIT_H
#define KREG_LIB_WAIT_H

#include "lib/handle/handle.h"
#include "shm/line.h"

#pragma GCC visibility push(hidden)

/*
 * The condition of a wait. @look: -EAGAIN: not met; any other result ends the wait.
 * @must_wait: whether a look at a line as in @view would find the condition not met;
 * decided by @view and @data alone. *@blocker, if set, is the owner whose death may
 * change that. @whose: an owner to be searched in the line, or 0.
 */
struct wait_for {
	ssize_t (*look)(struct kreg *k, const struct query *q, void *data);
	bool (*must_wait)(struct kreg *k, const struct line_view *view, const void *data,
			  owner_t *blocker);
	void *data;
	owner_t whose;
};

/* When the handle is opened: there are no waits yet, and a reader never has any. -EAGAIN, -ENOMEM. */
int waits_prepare(struct kreg *k);
static inline int waits_begin(struct kreg *k)
{
	CDS_INIT_LIST_HEAD(&k->wakers);
	CDS_INIT_LIST_HEAD(&k->pendings);
	return k->writable ? waits_prepare(k) : 0;
}

/* Of attendant.h. */
struct line;
struct watched;

/*
 * One wait, from its first step to waiting_end(). The thread that sleeps for it fills in
 * the first four.
 */
struct waiting {
	struct kreg *k;
	const struct query *q;
	const struct wait_for *what;
	struct line *line; /* NULL: there is no attendant */
	uint32_t tries;
	owner_t owner; /* the owner whose death ends this wait; 0: none */
	struct watched *watched;
};

/*
 * After bell_listen() and before the sleep: whether the caller may sleep now, as the line
 * is one in which it has to wait. Otherwise it looks.
 */
bool waiting_may_sleep(struct waiting *w);
void waiting_end(struct waiting *w);

/*
 * For looks: the first entry that matches @q. The entry that @out leads to may be
 * overtaken. -ENOENT, -EUCLEAN.
 */
int wait_find(struct kreg *k, const struct query *q, struct found *out);

/*
 * Blocks until the condition is met. @timeout_ms: below 0: no timeout; 0: look once.
 * -ETIMEDOUT; -EROFS, -EOWNERDEAD, -ESHUTDOWN, -ENOBUFS; or the look's result.
 */
ssize_t wait_until(struct kreg *k, const struct query *q, int64_t timeout_ms,
		   const struct wait_for *what);

#pragma GCC visibility pop

#endif
