/* SPDX-License-Identifier: MIT */
/*
 * The session with etcd.
 *
 *   state     underway                    then
 *   NONE      nothing; a pause            LEASE; with a lease MEMBER, once a member GLANCE
 *   LEASE     lease/grant                 MEMBER
 *   MEMBER    a range of .members/HOST,   GLANCE, or READ if nothing is known yet; if another
 *             a txn that puts it          bridge has this host's name: NONE
 *   GLANCE    a txn that asks for the     READY if nothing can have been missed, otherwise READ
 *             last change that was seen
 *   READ      ranges, a page each, of     READY
 *             one revision
 *   READY     a watch from the revision   any error: NONE, at the next member
 *             that is known; writes
 *
 * From MEMBER on the lease is kept alive, in every state, so that what is slow or fails elsewhere
 * does not end it. If etcd does not know it any more (it is over, or etcd was restored or began
 * again), another one is taken, and all is read and compared.
 *
 * What was missed: a revision that is smaller than one that was seen, another cluster, or one that
 * does not know the last change that was seen, is a restored etcd (glance.c). Then what others have
 * may not be written again yet, so what a snapshot does not have is kept for the time of a lease,
 * and compared again.
 *
 * What was written: a write whose answer did not come has happened or not. All that it says stays
 * dirty and is written once more, with the facts of then.
 *
 * Out of touch for the time of a lease, the others have taken this host's names away, and theirs
 * are stale here, or gone (--grace).
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "bridge/base64.h"
#include "bridge/session.h"
#include "lib/cluster/entries.h"

#define BACKOFF_MOST_MS 5000

json_t *base64_json(const void *bytes, size_t size)
{
	char *text = base64_encode(bytes, size);
	json_t *json = text ? json_string_nocheck(text) : NULL;

	free(text);
	return json;
}

json_t *base64_string(const char *text)
{
	return base64_json(text, strlen(text));
}

json_t *number_json(uint64_t number)
{
	char text[32];

	snprintf(text, sizeof(text), "%llu", (unsigned long long)number);
	return json_string(text);
}

uint64_t revision_of(const json_t *answer)
{
	return etcd_number(json_object_get(answer, "header"), "revision");
}

static void cancel_all(struct bridge *b)
{
	etcd_cancel(b->call);
	etcd_cancel(b->watch);
	etcd_cancel(b->write);
	unique_pause(b);
	b->call = b->watch = b->write = NULL;
}

void session_pause(struct bridge *b)
{
	cancel_all(b);
	writes_again(b);
	b->session = SESSION_NONE;
	b->backoff_ms = b->backoff_ms ? 2 * b->backoff_ms : 100;
	if (b->backoff_ms > BACKOFF_MOST_MS)
		b->backoff_ms = BACKOFF_MOST_MS;
	b->retry_at = clock_after_ms(b->backoff_ms);
}

/* The state goes back to NONE; -EAGAIN: at the same member. */
void session_fail(struct bridge *b, int err, const char *what)
{
	if (err != -EAGAIN) {
		say_often(&b->failed, "%s: %s: %s", etcd_endpoint(b->etcd), what,
			  err == -EPROTO ? "the answer is not etcd's" : etcd_reason(b->etcd));
		etcd_next(b->etcd);
	}
	session_pause(b);
}

void session_lease_lost(struct bridge *b)
{
	claims_withdraw_all(b);
	if (b->lease)
		say("etcd does not know the lease of this host any more: a new one is taken");
	b->lease = 0;
	b->is_member = false;
	b->whole = false;
	etcd_cancel(b->keep);
	b->keep = NULL;
	session_pause(b);
	b->retry_at = 0;
}

void session_touched(struct bridge *b)
{
	b->touch = clock_now();
	b->backoff_ms = 0;
	if (b->session == SESSION_READY)
		b->current = b->touch;
}

bool session_answered(struct bridge *b, int err)
{
	if (err == -ENOENT)
		session_lease_lost(b);
	else if (err)
		session_fail(b, err, "txn");
	else
		session_touched(b);
	return !err;
}

/* Of names of others, if etcd is out of touch. */
static void age(struct bridge *b, uint64_t now)
{
	bool was_stale = b->is_stale, was_gone = b->is_gone;
	uint64_t gone_at = b->current + member_lease_time(b) + b->options->grace * SECOND;

	b->is_stale = now >= b->current + member_lease_time(b);
	b->is_gone = now >= gone_at;
	if (b->is_stale == was_stale && b->is_gone == was_gone)
		return;
	if (b->is_gone)
		say("etcd is out of touch: names of other hosts are gone");
	else if (b->is_stale)
		say("etcd is out of touch: names of other hosts are stale");
	else
		say("etcd is in touch again");
	items_each(b, import_show);
}

static void begin_session(struct bridge *b)
{
	if (!b->lease)
		member_take_lease(b);
	else if (!b->is_member)
		member_look(b);
	else
		glance_begin(b);
}

static void sooner(uint64_t *next, uint64_t at)
{
	if (at && at < *next)
		*next = at;
}

int cluster_step(struct bridge *b)
{
	uint64_t now = clock_now(), next = now + SECOND, certain;

	if (b->session == SESSION_NONE && now >= b->retry_at)
		begin_session(b);
	member_keep(b, now);
	age(b, now);
	if (b->session == SESSION_READY && b->forget_at && now >= b->forget_at && !b->call) {
		/* What was kept is compared by another snapshot. */
		b->whole = false;
		session_pause(b);
		b->retry_at = 0;
	}
	if (b->session == SESSION_READY && !b->write && !cds_list_empty(&b->dirty))
		writes_begin(b);
	certain = claims_step(b);
	if (certain)
		sooner(&next, now + (certain > clock_boot() ? certain - clock_boot() : 0));
	if (b->session == SESSION_NONE)
		sooner(&next, b->retry_at);
	if (b->lease && !b->keep)
		sooner(&next, b->keep_at);
	sooner(&next, b->forget_at);
	return next > now ? (int)((next - now) / 1000000 + 1) : 0;
}

void cluster_begin(struct bridge *b)
{
	CDS_INIT_LIST_HEAD(&b->dirty);
	CDS_INIT_LIST_HEAD(&b->uniques);
	CDS_INIT_LIST_HEAD(&b->due);
	CDS_INIT_LIST_HEAD(&b->sent);
	CDS_INIT_LIST_HEAD(&b->hidden);
	record_prefix(b->prefix, b->options->cluster);
	b->touch = b->current = clock_now();
}

void cluster_free(struct bridge *b)
{
	free(b->from);
	b->from = NULL;
	glance_forget(b);
}

static void on_revoked(int err, const json_t *answer, void *data)
{
	(void)err;
	(void)answer;
	*(bool *)data = true;
}

void cluster_stop(struct bridge *b)
{
	uint64_t until = clock_after_ms(2000);
	bool done = false;

	cancel_all(b);
	etcd_cancel(b->keep);
	claims_withdraw_all(b);
	if (!b->lease ||
	    !etcd_begin(b->etcd, "lease/revoke", json_pack("{s:o}", "ID", number_json(b->lease)),
			on_revoked, &done))
		return;
	while (!done && clock_now() < until && !etcd_run(b->etcd, NULL, 0, 100))
		;
}
