/* SPDX-License-Identifier: MIT */
/*
 * Claims. A claim is an entry of a kind of its own under the name's key. It is linked by
 * one CAS, if the line has none.
 *
 *   what is there                           meaning                              what comes next
 *   a name, or one reserved by its owner    it is decided                        -EEXIST
 *   a name reserved for a program that      with a claim: it is being started    -EEXIST
 *     was started                           without: its starter has died        the next claimant
 *                                                                                ends the program
 *   only a claim                            a process is about to start it       wait
 *   nothing                                 it can be started                    CAS a claim
 *
 * A process that has taken the claim looks at the line once more: whatever an earlier
 * claimant has decided is there by then. Without that look, both would start the program.
 * A claim ends with the death of its owner, and its end rings the bell of the name, so
 * waiters need no other bell.
 */
#include "lib/program/claim.h"

#include "lib/names/change.h"
#include "lib/find/lookup.h"
#include "lib/wait/wait.h"
#include "base/clock.h"
#include "shm/query.h"

/* The result of a look; for wait_until() both end the wait. */
enum { CLAIM_FREE = 1, CLAIM_DECIDED };

struct look {
	const struct query *claims;
	struct claim_holder holder;
};

int claim_look(struct kreg *k, const struct query *q, struct claim_holder *holder)
{
	struct found found = { 0 };
	int err = lookup_first(k, q, &found, &holder->owner);

	/* One of another host makes room for one of this host. */
	if (!err && entry_yields(found.info))
		err = -ENOENT;
	if (err)
		return err == -EAGAIN ? -EUCLEAN : err;
	holder->ready = entry_kind(found.info) == ENTRY_NAME;
	holder->was_started = !holder->ready && entry_is_gift(found.info);
	return 0;
}

static ssize_t look_for_claim(struct kreg *k, const struct query *q, void *data)
{
	struct look *look = data;
	struct found claim;
	int err = claim_look(k, q, &look->holder);
	bool is_claimed;

	if (err && err != -ENOENT)
		return err;
	if (!err && !look->holder.was_started)
		return CLAIM_DECIDED;
	is_claimed = !wait_find(k, look->claims, &claim);
	if (!is_claimed)
		return CLAIM_FREE;
	if (!err)
		return CLAIM_DECIDED;
	return -EAGAIN;
}

static bool is_claimed_alone(struct kreg *k, const struct line_view *view, const void *data,
			     owner_t *blocker)
{
	(void)k;
	(void)data;
	*blocker = view->claim;
	return view->claim && (!view->first.owner || entry_yields(view->first.info));
}

/* -EEXIST: another process was first. */
static int claim_try(struct kreg *k, struct claim *claim)
{
	struct content content = { .kind = ENTRY_CLAIM };
	struct change change;
	struct linked linked;
	struct blocks blocks;
	int err = blocks_make(k, &claim->q, &content, &blocks);

	if (err)
		return err;
	claim->place = blocks.entry;
	err = change_enter(&change, k, &claim->q);
	if (!err) {
		err = change_link(&change, &blocks, LINK_IF_FREE, &linked);
		change_leave(&change);
	}
	blocks_return(k, &blocks);
	return err;
}

static int64_t left_ms(uint64_t deadline)
{
	uint64_t now = clock_now();

	if (!deadline)
		return -1;
	return deadline > now ? (int64_t)((deadline - now + 999999) / 1000000) : 0;
}

int claim_take(struct kreg *k, const struct query *q, uint64_t deadline, struct claim *claim,
	       struct claim_holder *holder)
{
	struct look look = { .claims = &claim->q };
	uint32_t tries = 0;
	ssize_t got;
	int err;

	claim->q = table_query_claim(&k->segment, q->key, q->key_size);
	claim->q.bell = q->bell;
	do {
		got = wait_until(k, q, left_ms(deadline),
				 &(struct wait_for){ .look = look_for_claim,
						     .must_wait = is_claimed_alone,
						     .data = &look });
		*holder = look.holder;
		if (got != CLAIM_FREE)
			return got == CLAIM_DECIDED ? -EEXIST : (int)got;
		err = claim_try(k, claim);
	} while (err == -EEXIST && ++tries < TABLE_TRIES);
	if (err)
		return err == -EEXIST ? -EUCLEAN : err;
	err = claim_look(k, q, holder);
	if (!err && !holder->was_started)
		err = -EEXIST;
	else if (err == -ENOENT)
		err = 0;
	if (err)
		claim_leave(k, claim);
	return err;
}

void claim_leave(struct kreg *k, const struct claim *claim)
{
	/* Without a life or a registry there is no claim either. */
	change_unlink_at(k, &claim->q, claim->place);
}
