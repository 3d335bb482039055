/* SPDX-License-Identifier: MIT */
/*
 * Pending waits: a wait whose end makes an fd readable.
 *
 * Promises  as wait.h; and a wait costs the program one fd, and no thread.
 * Needs     kreg_pending_close() for each; a look that may be repeated at any time.
 * Context   any thread, one at a time for each wait. In a child of fork() only the child's
 *           copies are closed.
 * Used by   await.c, lock.c, close.c, service.c.
 */
#ifndef KREG_LIB_PENDING_H
#define KREG_LIB_PENDING_H

#include "base/pair.h"
#include "lib/wait/wait.h"
#include "shm/query.h"

#define OUT_IS_NULL "out is NULL: it gets the pending wait"

#pragma GCC visibility push(hidden)

/* Whose end is waited for, or the place in the line of a lock. */
union pending_subject {
	owner_t owner;
	place_t place;
};

/*
 * A kind of wait. @wait.data: NULL; the functions get the subject, and a look that
 * @gives_found a struct kreg_found. @leave: gives the place of @subject in a line up; NULL:
 * there is none.
 */
struct pending_kind {
	struct wait_for wait;
	bool gives_found;
	bool of_owner; /* the subject is one */
	void (*leave)(struct kreg *k, const struct query *q, const union pending_subject *subject);
};

/* What waker.c has drawn; changed under the handle's pending_mutex. */
enum pending_state { PENDING_NEW, PENDING_FRESH, PENDING_ASLEEP, PENDING_TOLD, PENDING_GONE };

struct ear;
struct waker;
typedef void (*pending_tell_fn)(struct kreg *k, const struct query *q,
				const struct kreg_owner *owner, int result);

struct kreg_pending {
	struct kreg *k; /* NULL: the handle was closed, and @over says why no result comes */
	int over;
	bool is_closed; /* in a child of fork(): freed with the handle */
	bool is_given;  /* the lock is the caller's now */
	struct pair pair;
	const struct pending_kind *kind;
	union pending_subject subject;
	pending_tell_fn tell; /* NULL: none, or called */
	struct cds_list_head of_handle;
	/* the waker's */
	enum pending_state state;
	int error; /* of its beginning */
	struct waker *waker;
	struct ear *ear;
	struct cds_list_head node;
	struct pair sender; /* the library's end of @pair, in the waker's table of fds */
	struct wait_for what;
	struct waiting wait;
	struct query q;
	unsigned char key[];
};

/* As kreg_await_begin(), for a query and its key. @subject: may be NULL. */
int pending_begin(struct kreg_pending **out, struct kreg *k, const struct query *q,
		  const struct pending_kind *kind, const union pending_subject *subject);

/* Calls @tell once, with the first result. */
void pending_tell_by(struct kreg_pending *pending, pending_tell_fn tell);

#pragma GCC visibility pop

#endif
