/* SPDX-License-Identifier: MIT */
/*
 * Register and unregister.
 *
 *   step of kreg_register()                 killed here
 *   somebody has it: refused                nothing was taken, nothing is left
 *   a block is taken and filled             the slab is the dead's, the entry in no list
 *   linked, by one CAS: registered          absent, because its owner is dead
 *   what goes with a change                 as change.c says
 */
#include <errno.h>
#include <string.h>

#include "lib/change.h"
#include "lib/found.h"
#include "shm/table_search.h"

#define REGISTER_FLAGS                                                                             \
	(KREG_REGISTER_RESERVED | KREG_REGISTER_REPLACEABLE | KREG_REGISTER_REPLACE |              \
	 KREG_REGISTER_QUEUE)

/* Whether somebody has it already: then no block need be taken. */
static int taken(struct kreg *k, const struct query *q, struct kreg_found *holder)
{
	struct thread *thread;
	struct found found;
	int err = handle_enter(k, &thread);

	if (err)
		return err;
	do {
		err = table_find(&k->segment, &k->lives, q, &found);
	} while (!err && !found_copy(k, &found, holder));
	handle_leave(thread);
	if (err)
		return err == -ENOENT ? 0 : err;
	return -EEXIST;
}

/* Links by @flags; a name that may not be taken over is waited for if they say so. */
static int link_by_flags(struct change *change, struct blocks *blocks, uint32_t flags,
			 struct linked *linked)
{
	int err = -EEXIST;

	if (!change->k->segment.unique)
		return change_link(change, blocks, LINK_FIRST, linked);
	if (flags & KREG_REGISTER_REPLACE)
		err = change_link(change, blocks, LINK_BEFORE, linked);
	if (err == -EEXIST && (flags & KREG_REGISTER_QUEUE))
		return change_link(change, blocks, LINK_IN_LINE, linked);
	if (err == -EEXIST && !(flags & KREG_REGISTER_REPLACE))
		return change_link(change, blocks, LINK_IF_FREE, linked);
	return err;
}

/* Who is first in the line that we have joined: 0 if it is we. */
static int holder_of_line(struct kreg *k, const struct query *q, struct kreg_found *holder)
{
	struct found found;
	int err;

	do {
		err = table_find(&k->segment, &k->lives, q, &found);
		if (err)
			return err == -ENOENT ? -EOWNERDEAD : err;
		if (found.owner == k->self.owner)
			return 0;
	} while (!found_copy(k, &found, holder));
	return KREG_WAITING;
}

static int register_blocks(struct kreg *k, const struct query *q, struct blocks *blocks,
			   uint32_t flags, struct kreg_found *holder)
{
	struct change change;
	struct linked linked;
	int err = change_enter(&change, k, q);

	if (err)
		return err;
	do {
		err = link_by_flags(&change, blocks, flags, &linked);
	} while (err == -EEXIST && !found_copy(k, &linked.holder, holder));
	if (!err && linked.ahead && k->segment.unique)
		err = holder_of_line(k, q, holder);
	change_leave(&change);
	return err;
}

static int check(struct kreg *k, const void *key, size_t *key_size, const void *value,
		 size_t value_size, uint32_t flags)
{
	int err = k && (value || !value_size) ? key_check(key, key_size) : -EINVAL;

	if (err)
		return err;
	if (flags & ~REGISTER_FLAGS || (!k->segment.unique && flags & ~KREG_REGISTER_RESERVED))
		return -EINVAL;
	return value_size > KREG_VALUE_MAX ? -EMSGSIZE : 0;
}

int kreg_register_with(struct kreg *k, const void *key, size_t key_size, const void *value,
		       size_t value_size, uint32_t flags, struct kreg_found *holder)
{
	UNCANCELLABLE;
	struct content content = { .value = value, .value_size = (uint32_t)value_size };
	struct blocks blocks;
	struct query q;
	int err = holder && !holder->value && holder->capacity
			  ? -EINVAL
			  : check(k, key, &key_size, value, value_size, flags);

	if (err)
		return err;
	content.kind = flags & KREG_REGISTER_RESERVED ? ENTRY_RESERVED : ENTRY_NAME;
	if (flags & KREG_REGISTER_REPLACEABLE)
		content.kind |= ENTRY_REPLACEABLE;
	q = table_query_of(&k->segment, k->self.owner, key, key_size);
	q.kinds = KINDS_OF_NAMES;
	err = k->segment.unique && !(flags & (KREG_REGISTER_REPLACE | KREG_REGISTER_QUEUE))
		      ? taken(k, &q, holder)
		      : 0;
	if (err)
		return err;
	err = handle_check(k);
	if (!err)
		err = blocks_make(k, &q, &content, &blocks);
	if (err)
		return err;
	err = register_blocks(k, &q, &blocks, flags, holder);
	blocks_return(k, &blocks);
	return err;
}

int kreg_register(struct kreg *k, const void *key, size_t key_size, const void *value,
		  size_t value_size, struct kreg_owner *holder)
{
	UNCANCELLABLE;
	struct kreg_found found = { 0 };
	int err = kreg_register_with(k, key, key_size, value, value_size, 0, &found);

	if (err == -EEXIST && holder)
		*holder = found.owner;
	return err;
}

/* As a visitor sees it. It is our own and stays as it is while the change lasts. */
static int entry_show(struct kreg *k, const struct query *q, const struct found *own,
		      struct kreg_entry *out)
{
	uint32_t size;
	const void *value = entry_value(&k->segment, own->entry, own->info, &size);

	if (!value)
		return -EUCLEAN;
	*out = (struct kreg_entry){ .key = q->key, .key_size = q->key_size };
	out->value = value;
	out->value_size = size;
	handle_owner(k, own->owner, own->life, &out->owner);
	return 0;
}

static int unregister_matching(struct change *change, kreg_match_fn match, void *data)
{
	struct kreg_entry entry;
	struct found own;
	place_t after = 0;
	int err, count = 0;

	while (!(err = change_find_own(change, after, &own))) {
		if (match) {
			err = entry_show(change->k, change->q, &own, &entry);
			if (err)
				return err;
			if (!match(&entry, data)) {
				after = own.place;
				continue;
			}
		}
		count += !change_unlink(change, &own);
	}
	return err == -ENOENT ? count : err;
}

/* @match: NULL accepts all. */
static int unregister(struct kreg *k, const void *key, size_t key_size, kreg_match_fn match,
		      void *data)
{
	struct change change;
	struct query q;
	int err = k ? key_check(key, &key_size) : -EINVAL;

	if (err)
		return err;
	q = table_query_of(&k->segment, k->self.owner, key, key_size);
	q.kinds = match ? KIND_OF(ENTRY_NAME) : KINDS_OF_NAMES;
	err = change_enter(&change, k, &q);
	if (err)
		return err;
	err = unregister_matching(&change, match, data);
	change_leave(&change);
	return err;
}

int kreg_unregister(struct kreg *k, const void *key, size_t key_size)
{
	UNCANCELLABLE;
	return unregister(k, key, key_size, NULL, NULL);
}

int kreg_unregister_match(struct kreg *k, const void *key, size_t key_size, kreg_match_fn match,
			  void *data)
{
	UNCANCELLABLE;
	return match ? unregister(k, key, key_size, match, data) : -EINVAL;
}
