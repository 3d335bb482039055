/* SPDX-License-Identifier: MIT */
/*
 * Pending waits: begin, result, close. waker.c has the states, and the thread that makes
 * the fd readable.
 *
 * The waker only takes views, which need neither a slot nor the program's buffers. Whether
 * the condition is met is decided by the look in kreg_pending_result(), in the thread of
 * the program; so the result is that of the moment at which it is asked for, as with a
 * call that blocks.
 */
#include "lib/wait/pending.h"

#include <stdlib.h>

#include "lib/find/found.h"
#include "lib/wait/attendant.h"
#include "lib/wait/waker.h"
#include "shm/query.h"

/* @p is new, and no other thread knows it. */
static int begin(struct kreg_pending *p)
{
	struct pair library;
	int err = pair_new(&p->pair);

	if (err)
		return err;
	p->sender = (struct pair){ .fd = -1, .fd_write = -1, .inode_write = p->pair.inode_write };
	p->wait.line = attendant_join(p->k, &p->q);
	err = p->wait.line ? waker_begin(p) : -EAGAIN;
	library = p->pair;
	library.fd = -1;
	pair_free(&library);
	p->pair.fd_write = -1;
	if (err && p->wait.line)
		attendant_leave(p->k, p->wait.line);
	if (err)
		pair_free(&p->pair);
	return err;
}

int pending_begin(struct kreg_pending **out, struct kreg *k, const struct query *q,
		  const struct pending_kind *kind, const union pending_subject *subject)
{
	struct kreg_pending *p;
	int err = handle_check(k);

	if (err)
		return err;
	p = calloc(1, sizeof(*p) + q->key_size);
	if (!p)
		return -ENOMEM;
	*p = (struct kreg_pending){ .k = k, .kind = kind, .q = *q, .what = kind->wait };
	memcpy(p->key, q->key, q->key_size);
	p->q.key = p->key;
	if (subject)
		p->subject = *subject;
	p->what.data = &p->subject;
	p->what.whose = kind->of_owner ? p->subject.owner : 0;
	p->wait = (struct waiting){ .k = k, .q = &p->q, .what = &p->what };
	err = begin(p);
	if (err) {
		free(p);
		return err;
	}
	/* The waker had no number for its end: it frees what it was given. */
	err = p->error;
	if (err) {
		pair_free(&p->pair);
		waker_forget(p);
		return err;
	}
	*out = p;
	return 0;
}

void pending_tell_by(struct kreg_pending *p, pending_tell_fn tell)
{
	p->tell = tell;
}

#define P_IS_NULL "pending is NULL: it is what a call that ends in _begin has made"

int kreg_pending_fd(const struct kreg_pending *p)
{
	return p ? p->pair.fd : refuse(NULL, P_IS_NULL);
}

/* Why there can be no result, and there will be none. */
static int over(const struct kreg_pending *p)
{
	if (!p->k)
		return p->over;
	return handle_is_parents(p->k) ? -EOWNERDEAD : 0;
}

static ssize_t look(struct kreg_pending *p, struct kreg_found *found)
{
	ssize_t got = over(p);

	if (!got)
		got = handle_check(p->k);
	if (!got)
		got = p->what.look(p->k, &p->q,
				   p->kind->gives_found ? (void *)found : (void *)&p->subject);
	if (got == -EAGAIN)
		waker_again(p);
	return got < 0 ? got : 0;
}

int kreg_pending_result(struct kreg_pending *p, struct kreg_found *found)
{
	UNCANCELLABLE;
	struct kreg_found own = { 0 };
	ssize_t got;

	if (!p)
		return refuse(NULL, P_IS_NULL);
	if (p->kind->leave)
		return refuse(p->k, "pending is a wait for a lock: use kreg_pending_lock()");
	if (found && !p->kind->gives_found)
		return refuse(p->k, "found is not NULL, but this wait finds nothing: pass NULL");
	got = found_check(p->k, found);
	if (got)
		return (int)got;
	if (!found)
		found = &own;
	got = look(p, found);
	if (p->tell && p->k && got != -EAGAIN) {
		/* A value that does not fit has an owner too. */
		if (found_is(got))
			p->tell(p->k, &p->q, &found->owner, 0);
		else
			p->tell(p->k, &p->q, &(struct kreg_owner){ 0 }, (int)got);
		p->tell = NULL;
	}
	return (int)got;
}

int kreg_pending_lock(struct kreg_pending *p, struct kreg_lock *lock)
{
	UNCANCELLABLE;
	ssize_t got;

	if (!p || !lock)
		return refuse(p ? p->k : NULL, p ? "lock is NULL" : P_IS_NULL);
	if (!p->kind->leave)
		return refuse(p->k, "pending is no wait for a lock: use kreg_pending_result()");
	if (p->is_given)
		return refuse(p->k,
			      "pending has given its lock already: kreg_unlock() releases it");
	got = look(p, NULL);
	if (got)
		return (int)got;
	lock->place = p->subject.place;
	p->is_given = true;
	return 0;
}

void kreg_pending_close(struct kreg_pending *p)
{
	UNCANCELLABLE;
	struct kreg *k;

	if (!p)
		return;
	k = p->k;
	pair_free(&p->pair);
	if (!k) {
		free(p);
	} else if (handle_is_parents(k)) {
		/* It is in lists that another thread may have been changing at the fork. */
		p->pair.fd = -1;
		p->is_closed = true;
	} else {
		if (p->kind->leave && !p->is_given)
			p->kind->leave(k, &p->q, &p->subject);
		waker_forget(p);
	}
}
