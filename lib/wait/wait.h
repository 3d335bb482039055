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

#include "lib/handle/handle.h"
#include "shm/line.h"

#pragma GCC visibility push(hidden)

/*
 * What a wait is for. @look: -EAGAIN: not yet; anything else ends the wait. @is_in_vain: whether a look would find nothing in
 * a line as it is in @view, by nothing but @view and @data; *in_the_way, if it is set, is the owner whose death may
 * change that. @whose: an owner to be looked for in the line, or 0.
 */
struct wait_for {
	ssize_t (*look)(struct kreg *k, const struct query *q, void *data);
	bool (*is_in_vain)(struct kreg *k, const struct line_view *view, const void *data,
			   owner_t *in_the_way);
	void *data;
	owner_t whose;
};

/* For looks: the first that matches @q. What @out leads to may be overtaken. -ENOENT, -EUCLEAN. */
int wait_find(struct kreg *k, const struct query *q, struct found *out);

/*
 * Looks until it is time. @timeout_ms: below 0 for ever, 0: look once. -ETIMEDOUT; -EROFS, -EOWNERDEAD,
 * -ESHUTDOWN, -ENOBUFS; or what the look returned.
 */
ssize_t wait_until(struct kreg *k, const struct query *q, int64_t timeout_ms,
		   const struct wait_for *what);

#pragma GCC visibility pop

#endif
