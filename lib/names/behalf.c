/* SPDX-License-Identifier: MIT */
/*
 * Names on behalf of another process: registered, updated and unregistered for it by a process
 * that is not their owner.
 *
 * All of them are gifts, from the first instant. What a process has registered itself is in
 * memory that only it gives back, and in a count that only it changes, so nobody else could end
 * that without leaving half of it undone when it is killed. A gift is in no row's count, and any
 * process may retire its slab once it is over (shm/gift.c).
 *
 *   call                   happens by the CAS                     killed, stopped or exec here
 *   kreg_register_for()    that links the gift                    before: a gift in no list
 *   kreg_update_for()      of the old gift's link, to the new     before: the same
 *                            one and a mark
 *   kreg_unregister_for()  of the gift's link, to the same        behind any: it has happened;
 *                            with a mark                            a sweep retires what is over
 *
 *   the owner meanwhile    what wins
 *   updates, gives or      the CAS of the same link; a process whose CAS fails begins again
 *     unregisters it
 *   adds to a counter      either is first: an addition to an entry that was replaced or
 *                            unregistered meanwhile had found it before
 *   dies                   the gift is over, linked or not
 *   closes the registry    what is linked is unregistered; what is not is never its own
 *   withdraws its consent  a call that has asked before goes on
 *
 * With partitions such a name is in that of its owner, as all others are (table_query_of()).
 *
 * No lock is held against the owner's own threads: their locks are in their process, so all that
 * they rely upon between two steps is the entry itself, which a hazard keeps, and the CAS.
 *
 * The consent is asked for first and once. It protects nobody from a hostile process, which can
 * write the table itself; so who may call is not asked in addition: the mode of the registry's
 * file says which users may write, and to admit a user there and then to refuse it here would
 * only look safe.
 */
#include <errno.h>

#include "lib/find/found.h"
#include "lib/names/change.h"
#include "lib/names/give.h"
#include "lib/names/register.h"
#include "shm/consent.h"
#include "shm/query.h"

#define FLAGS ((uint32_t)(KREG_REGISTER_REPLACEABLE | KREG_REGISTER_DROP))

int kreg_allow(struct kreg *k, uint32_t allowed)
{
	UNCANCELLABLE;
	int err;

	if (!k)
		return refuse(k, K_IS_NULL);
	if (allowed & ~(uint32_t)KREG_ALLOW_OTHERS)
		return refuse(k, "allowed has unknown bits: use KREG_ALLOW_OTHERS");
	err = handle_check(k);
	if (err)
		return err;
	consent_set(&k->segment, &k->self, allowed & KREG_ALLOW_OTHERS);
	return 0;
}

/* Whether the caller may change names for @to; @q is the query for these. */
static int begin(struct kreg *k, const struct kreg_owner *to, const void *key, size_t key_size,
		 struct query *q)
{
	int err = key_of_call(k, key, &key_size);

	if (!err)
		err = give_check_to(k, to);
	if (!err)
		err = handle_check(k);
	if (err)
		return err;
	if (!give_is_here(k, to->token))
		return -ESRCH;
	if (to->token != k->self.owner && !consent_is_given(&k->segment, &k->lives, to->token))
		return -EPERM;
	*q = table_query_of(&k->segment, to->token, key, key_size);
	return 0;
}

static int link_gift(struct change *change, const struct gift_made *gift, owner_t to,
		     struct kreg_found *holder)
{
	enum table_rule rule = change->k->segment.unique ? LINK_IF_FREE : LINK_FIRST;
	struct linked linked;
	uint32_t tries;
	int err;

	for (tries = 0; tries < TABLE_TRIES; tries++) {
		err = change_link_name(change, gift, to, rule, &linked);
		if (err != -EEXIST || (found_copy(change->k, &linked.holder, holder) &&
				       !grace_again(&change->thread->writer)))
			return err;
		/* The holder has died meanwhile, or the copy may be of another entry. */
	}
	return -EUCLEAN;
}

static int register_for(struct kreg *k, owner_t to, const struct query *q,
			const struct content *content, struct kreg_found *holder)
{
	struct change change;
	struct gift_made gift;
	int err = blocks_gift(k, to, q, content, &gift);

	if (err)
		return err;
	err = change_enter(&change, k, q);
	if (!err) {
		err = link_gift(&change, &gift, to, holder);
		change_leave(&change);
	}
	/* After -ESHUTDOWN perhaps retired already; then this fails harmlessly. */
	if (err)
		gift_drop(&k->segment, &gift);
	return err;
}

static int check_register(struct kreg *k, size_t *value_size, const void *value, uint32_t flags,
			  const struct kreg_found *holder)
{
	int err = k ? value_of_call(k, value, value_size, "value") : refuse(k, K_IS_NULL);

	if (err)
		return err;
	err = register_check_holder(k, holder);
	if (err)
		return err;
	if (flags & ~FLAGS)
		return refuse(k, "flags has unknown bits: use KREG_REGISTER_REPLACEABLE or "
				 "KREG_REGISTER_DROP");
	if (flags && !k->segment.unique)
		return refuse(k, "flags is not 0, but the registry has duplicate keys: there is no "
				 "holder to replace");
	if (flags == KREG_REGISTER_DROP)
		return refuse(k, "flags has KREG_REGISTER_DROP without KREG_REGISTER_REPLACEABLE");
	return 0;
}

int kreg_register_for(struct kreg *k, const struct kreg_owner *to, const void *key, size_t key_size,
		      const void *value, size_t value_size, uint32_t flags,
		      struct kreg_found *holder)
{
	UNCANCELLABLE;
	struct content content = { .value = value, .kind = ENTRY_NAME };
	struct query q;
	int err = check_register(k, &value_size, value, flags, holder);

	if (!err)
		err = begin(k, to, key, key_size, &q);
	if (err)
		return err;
	content.kind |= flags_of_entry(flags);
	content.value_size = (uint32_t)value_size;
	q.kinds = KINDS_OF_NAMES;
	if (k->segment.unique)
		err = register_taken(k, &q, holder);
	return err ? err : register_for(k, to->token, &q, &content, holder);
}

/* @to's name; of several the one registered last. -ENOENT; -EPERM: @to has registered all itself. */
static int find_gift(struct change *change, owner_t to, struct found *out)
{
	struct own_line line;
	bool has_own = false;
	int err;

	change_line_of(change, to, &line);
	while (!(err = change_own_next(change, &line, out)) && !entry_is_gift(out->info)) {
		has_own = true;
		line.after = out->place;
	}
	return err == -ENOENT && has_own ? -EPERM : err;
}

static int look_for_gift(struct kreg *k, const struct query *q, owner_t to, struct found *out)
{
	struct change change;
	int err = change_enter(&change, k, q);

	if (err)
		return err;
	err = find_gift(&change, to, out);
	change_leave(&change);
	return err;
}

/* The flags of the new one are those of the old one. */
static int find_same_gift(struct change *change, const struct giving *giving, struct found *out)
{
	int err = find_gift(change, giving->to, out);

	return !err && out->place != giving->old.place ? -EAGAIN : err;
}

/* -EAGAIN: the owner, or another process, has changed the name meanwhile. */
static int update_once(struct kreg *k, const struct query *q, owner_t to, struct content *content)
{
	struct giving giving = { .to = to };
	int err = look_for_gift(k, q, to, &giving.old);

	if (err)
		return err;
	content->kind = ENTRY_NAME | entry_flags(giving.old.info);
	err = blocks_gift(k, to, q, content, &giving.gift);
	return err ? err : give_replace(k, q, &giving, find_same_gift);
}

int kreg_update_for(struct kreg *k, const struct kreg_owner *to, const void *key, size_t key_size,
		    const void *value, size_t value_size)
{
	UNCANCELLABLE;
	struct content content = { .value = value };
	uint32_t tries = 0;
	struct query q;
	int err = k ? value_of_call(k, value, &value_size, "value") : refuse(k, K_IS_NULL);

	if (!err)
		err = begin(k, to, key, key_size, &q);
	if (err)
		return err;
	content.value_size = (uint32_t)value_size;
	do {
		err = update_once(k, &q, to->token, &content);
	} while (err == -EAGAIN && ++tries < TABLE_TRIES);
	return err == -EAGAIN ? -EUCLEAN : err;
}

int kreg_unregister_for(struct kreg *k, const struct kreg_owner *to, const void *key,
			size_t key_size)
{
	UNCANCELLABLE;
	struct change change;
	struct own_line line;
	struct found found;
	struct query q;
	int err = begin(k, to, key, key_size, &q), count = 0;
	bool has_own = false;

	if (!err)
		err = change_enter(&change, k, &q);
	if (err)
		return err;
	change_line_of(&change, to->token, &line);
	while (!(err = change_own_next(&change, &line, &found))) {
		if (entry_is_gift(found.info)) {
			count += change_own_unlink(&change, &line, &found) > 0;
		} else {
			has_own = true;
			line.after = found.place;
		}
	}
	change_leave(&change);
	if (err != -ENOENT)
		return err;
	return count || !has_own ? count : -EPERM;
}
