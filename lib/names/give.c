/* SPDX-License-Identifier: MIT */
/*
 * Giving a name away: the old owner makes an entry that belongs to the new one, and puts
 * it in the place of its own by one CAS. shm/gift.c explains who owns the memory.
 */
#include "lib/names/give.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/names/change.h"
#include "shm/gift.h"
#include "shm/row.h"
#include "shm/query.h"

bool give_is_here(struct kreg *k, owner_t owner)
{
	uint32_t entries;

	return owner_seat(owner) < k->segment.seats && life_is_alive(&k->lives, owner) &&
	       row_owner(&k->segment, &k->lives, owner_seat(owner), &entries) == owner &&
	       !row_has_closed(&k->segment, owner);
}

int give_check_to(const struct kreg *k, const struct kreg_owner *to)
{
	if (!to)
		return refuse(k, "to is NULL");
	if (!to->token)
		return refuse(k, "to has a token of 0: take an owner that a call has returned");
	return 0;
}

static int make(struct kreg *k, const struct query *q, const void *value, uint32_t size,
		struct giving *giving)
{
	const struct content content = {
		.value = value,
		.value_size = size,
		.kind = ENTRY_NAME | entry_flags(giving->old.info),
	};

	return blocks_gift(k, giving->to, q, &content, &giving->gift);
}

int give_replace(struct kreg *k, const struct query *q, const struct giving *giving,
		 give_find_fn find)
{
	struct change change;
	struct found now;
	int err = change_enter(&change, k, q);

	if (!err) {
		err = find(&change, giving, &now);
		if (!err)
			err = change_give(&change, &now, &giving->gift, giving->to);
		/* Another process has replaced or unregistered it first. */
		if (err == -ENOENT)
			err = -EAGAIN;
		change_leave(&change);
	}
	if (err)
		gift_drop(&k->segment, &giving->gift);
	return err;
}

/*
 * What another thread has made of the value until now goes with the name: where it has added to a
 * counter, the addition has succeeded.
 */
static int find_own(struct change *change, const struct giving *giving, struct found *out)
{
	int err = change_find_own(change, out);

	if (err)
		return err;
	if (entry_is_remote(out->info) || entry_flags(out->info) != entry_flags(giving->old.info))
		return -EAGAIN;
	return blocks_follow(change->k, giving->gift.place, out);
}

/* -EAGAIN: our entry has other flags, or a value of another size, meanwhile. */
static int give_once(struct kreg *k, const struct query *q, owner_t to, void *value)
{
	struct giving giving = { .to = to };
	ssize_t size = change_copy_own(k, q, &giving.old, value, GIFT_BYTES_MAX);
	int err;

	if (size < 0)
		return size == -ERANGE ? -EMSGSIZE : (int)size;
	if (entry_is_remote(giving.old.info))
		return -EREMOTE;
	err = make(k, q, value, (uint32_t)size, &giving);
	return err ? err : give_replace(k, q, &giving, find_own);
}

int kreg_give(struct kreg *k, const void *key, size_t key_size, const struct kreg_owner *to)
{
	UNCANCELLABLE;
	uint32_t tries = 0;
	struct query q;
	void *value;
	int err = key_of_call(k, key, &key_size);

	if (!err)
		err = give_check_to(k, to);
	if (!err)
		err = handle_check(k);
	if (!err && k->segment.partitions > 1)
		err = refuse(
			k, "the registry has partitions, in which an entry lies where its owner's "
			   "do: unregister it, and register it for the other process");
	if (err)
		return err;
	if (!give_is_here(k, to->token))
		return -ESRCH;
	value = malloc(GIFT_BYTES_MAX);
	if (!value)
		return -ENOMEM;
	q = table_query_of(&k->segment, k->self.owner, key, key_size);
	do {
		err = give_once(k, &q, to->token, value);
	} while (err == -EAGAIN && ++tries < TABLE_TRIES);
	free(value);
	return err == -EAGAIN ? -EUCLEAN : change_whose(k, &q, err);
}
