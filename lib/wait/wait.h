/* SPDX-License-Identifier: MIT */
/*
 * Blocking waits for a change of the table, and for the death of an owner.
 *
 * Promises  a condition that was met before the wait, or is met during it and stays so,
 *           is found: at once if the process that made the change rings, else about 100
 *           ms later. A timeout is kept. No wait fails because a thread or an fd could
 *           not be created.
 * Needs     a look that may be repeated at any time.
 * Context   blocks. Not in signal handlers; a signal does not end it.
 * Used by   await.c, lock.c, claim.c, await_end.c.
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
