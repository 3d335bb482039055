/* SPDX-License-Identifier: MIT */
/*
 * The registry's part in starting a program under a name. Each step is one CAS; start.c
 * has the starter's steps, and what a death between them leaves.
 *
 *   state      in the line of the name                    the starter is killed here
 *   free       nothing                                    nothing
 *   claimed    our claim                                  the claim is over
 *   reserved   the program's reserved gift, behind it     it stays reserved; the next process
 *              that of its watcher; our claim             that claims the name ends the program
 *   published  the program's gift with the value          it is found as usual
 *
 * The status is a separate entry (program_status.h).
 */
#include <errno.h>
#include <stdlib.h>

#include "lib/inner.h"
#include "lib/names/change.h"
#include "lib/program/claim.h"
#include "lib/program/program_status.h"
#include "shm/query.h"

struct reservation {
	struct kreg *k;
	struct query q;
	struct claim claim;
	bool has_claim;
	owner_t shown; /* the program whose status is shown; 0: none */
};

int kreg_inner_reservation(struct reservation **out, struct kreg *k, const void *key,
			   size_t key_size)
{
	struct reservation *r = calloc(1, sizeof(*r));

	if (!r)
		return -ENOMEM;
	r->k = k;
	r->q = table_query(&k->segment, key, key_size);
	r->q.kinds = KINDS_OF_NAMES;
	*out = r;
	return 0;
}

void kreg_inner_reservation_free(struct reservation *r)
{
	if (!r)
		return;
	kreg_inner_unclaim(r);
	if (r->shown)
		status_drop(r->k, r->q.key, r->q.key_size, r->shown);
	free(r);
}

int kreg_inner_claim(struct reservation *r, uint64_t deadline, struct claim_holder *holder)
{
	int err = claim_take(r->k, &r->q, deadline, &r->claim, holder);

	r->has_claim = !err;
	return err;
}

void kreg_inner_unclaim(struct reservation *r)
{
	if (r->has_claim)
		claim_leave(r->k, &r->claim);
	r->has_claim = false;
}

int kreg_inner_look(struct reservation *r, struct claim_holder *holder)
{
	return claim_look(r->k, &r->q, holder);
}

static int reserve_for(struct reservation *r, owner_t to, enum table_rule rule)
{
	struct kreg *k = r->k;
	struct change change;
	struct linked linked;
	struct gift_made gift;
	int err = blocks_gift(k, to, &r->q, &(struct content){ .kind = ENTRY_RESERVED }, &gift);

	if (err)
		return err;
	err = change_enter(&change, k, &r->q);
	if (!err) {
		err = change_link_gift(&change, &gift, rule, &linked);
		change_leave(&change);
		if (err == -ESHUTDOWN)
			return err;
	}
	if (err)
		gift_drop(&k->segment, &gift);
	return err;
}

int kreg_inner_reserve(struct reservation *r, uint64_t owner, uint64_t watcher)
{
	int err = reserve_for(r, owner, LINK_IF_FREE);

	return !err && watcher ? reserve_for(r, watcher, LINK_LAST) : err;
}

/* Replaces the reserved gift. */
int kreg_inner_publish(struct reservation *r, uint64_t owner, const void *value, size_t value_size)
{
	struct kreg *k = r->k;
	const struct content content = {
		.value = value,
		.value_size = (uint32_t)value_size,
		.kind = ENTRY_NAME,
	};
	struct query own = r->q;
	struct change change;
	struct found reserved;
	struct gift_made gift;
	int err = blocks_gift(k, owner, &r->q, &content, &gift);

	if (err)
		return err;
	own.kinds = KIND_OF(ENTRY_RESERVED);
	own.owner = owner;
	err = change_enter(&change, k, &r->q);
	if (!err) {
		do {
			err = table_find_first(&change.thread->writer, &own, &reserved);
		} while (!grace_protect(&change.thread->writer, HAZARD_OWN,
					err ? 0 : reserved.place));
		if (!err)
			err = change_give(&change, &reserved, &gift, own.owner);
		change_leave(&change);
	}
	if (err)
		gift_drop(&k->segment, &gift);
	return err;
}

int kreg_inner_show(struct reservation *r, const struct program_status *status)
{
	int err = status_put(r->k, r->q.key, r->q.key_size, status);

	if (!err)
		r->shown = status->program;
	return err;
}
