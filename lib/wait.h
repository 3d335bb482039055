/* SPDX-License-Identifier: MIT */
/*
 * Waiting for a change of the table, whoever makes it and whoever dies.
 *
 * Promises  what was there before the wait, or comes during it and stays, is seen: at once if its maker lives to
 *           ring, and some 100 ms later whatever became of the maker. A deadline is kept. No wait fails because
 *           no thread or fd is to be had.
 * Needs     a look that may be repeated at any time.
 * Context   blocks. Not in signal handlers; a signal does not end it.
 * Used by   await.c, lock.c, and who starts or stops programs.
 */
#ifndef KREG_LIB_WAIT_H
#define KREG_LIB_WAIT_H

#include "lib/handle.h"

#pragma GCC visibility push(hidden)

/*
 * -EAGAIN: not yet, and *in_the_way, if not 0, is the owner whose death may change that. Anything else
 * ends the wait.
 */
typedef ssize_t (*wait_look_fn)(struct kreg *k, const struct query *q, owner_t *in_the_way,
				void *data);

/* For looks: the first that matches @q. What @out leads to may be overtaken. -ENOENT, -EUCLEAN. */
int wait_find(struct kreg *k, const struct query *q, struct found *out);

/*
 * Looks until it is time. @timeout_ms: below 0 for ever, 0: look once. -ETIMEDOUT; -EROFS, -EOWNERDEAD,
 * -ESHUTDOWN, -ENOBUFS; or what @look returned.
 */
ssize_t wait_until(struct kreg *k, const struct query *q, int64_t timeout_ms, wait_look_fn look,
		   void *data);

#pragma GCC visibility pop

#endif
