/* SPDX-License-Identifier: MIT */
/*
 * Register and unregister.
 *
 *   step of kreg_register()                 killed here
 *   the name is taken: refused              nothing was taken, nothing is left
 *   a block is taken and filled             the slab is a dead owner's, the entry in no list
 *   linked, by one CAS: registered          absent, because its owner is dead
 *   the further steps of a change           see change.c
 */
#include "lib/names/register.h"

#include <errno.h>
#include <string.h>

#include "lib/names/change_step.h"
#include "lib/find/found.h"
#include "shm/table_search.h"

#define REGISTER_FLAGS                                                                             \
	(KREG_REGISTER_RESERVED | KREG_REGISTER_REPLACEABLE | KREG_REGISTER_REPLACE |              \
	 KREG_REGISTER_QUEUE | KREG_REGISTER_DROP)

__attribute__((noinline)) int register_taken(struct kreg *k, const struct query *q,
					     struct kreg_found *holder)
{
	struct thread *thread;
	struct found found;
	int tries, err = handle_enter(k, &thread);

	if (err)
		return err;
	for (tries = 0; tries < PEEK_TRIES; tries++) {
		bool copied;

		err = table_find_name(&k->segment, &k->lives, q, &found);
		if (!err && entry_yields(found.info))
			err = -ENOENT;
		copied = !err && found_copy(k, &found, holder);
		if (!grace_again(&thread->writer) && (err || copied))
			break;
		err = -EAGAIN;
	}
	handle_leave(thread);
	/* If the lookup is not conclusive, the CAS that links decides. */
	if (err == -ENOENT || err == -EAGAIN)
		return 0;
	return err ? err : -EEXIST;
}

/*
 * A process has one place in a line. If it has taken the name over, it gives up its place
 * among the waiting ones. Killed in between, it is absent at both.
 *
 * What it has taken may be unregistered by others at once, and another name registered for it. So
 * its first entry in line stays, whichever that is, and one behind it is a waiting one only if the
 * first was not marked after that was found.
 */
static void leave_line(struct change *change)
{
	struct entry *first = NULL;
	struct own_line line;
	struct found own;
	place_t place = 0;

	change_own_line(change, &line);
	while (!change_own_next(change, &line, &own)) {
		if (first && own.place == place) {
			line.after = place;
		} else if (first) {
			if (table_load(&first->next) & REF_MARK)
				break;
			change_own_unlink(change, &line, &own);
		} else if (grace_protect(&change->thread->writer, HAZARD_NEW, own.place)) {
			first = own.entry;
			line.after = place = own.place;
		}
	}
}

/*
 * In front of a holder that is next in line then, or in the stead of one that is dropped.
 * -EEXIST: the holder may not be taken over; or is the caller.
 */
static int take_over(struct change *change, struct blocks *blocks, struct linked *linked)
{
	uint32_t tries;
	int err;

	for (tries = 0; tries < TABLE_TRIES; tries++) {
		err = change_link(change, blocks, LINK_BEFORE, linked);
		if (err == -EEXIST && linked->holder.owner != change->k->self.owner &&
		    entry_is_dropped(linked->holder.info))
			err = change_take(change, &linked->holder, blocks, linked);
		if (err != -EAGAIN)
			return err;
	}
	return -EUCLEAN;
}

/* Whether the index says that the name is free. It reads nothing that needs a section. */
static bool is_free(const struct segment *s, const struct query *q)
{
	struct entry *entry;
	place_t place;

	return index_probe(s, q, &entry, &place) == -ENOENT;
}

/* Whether the name is held by an entry of another host, which one of this host need not wait for. */
static bool first_yields(struct change *change)
{
	struct found first;

	return !is_free(&change->k->segment, change->q) &&
	       !table_find_first(&change->thread->writer, change->q, &first) &&
	       entry_yields(first.info);
}

/* Links by @flags. If the name may not be taken over, joins its line if @flags allow that. */
static int link_by_flags(struct change *change, struct blocks *blocks, uint32_t flags,
			 struct linked *linked)
{
	int err = -EEXIST;

	if (!change->k->segment.unique)
		return change_link(change, blocks, LINK_FIRST, linked);
	if (flags & KREG_REGISTER_REPLACE)
		err = take_over(change, blocks, linked);
	else if (!(flags & KREG_REGISTER_QUEUE) || first_yields(change))
		err = change_link(change, blocks, LINK_IF_FREE, linked);
	if (!err && linked->front)
		leave_line(change);
	if (err == -EEXIST && (flags & KREG_REGISTER_QUEUE))
		return change_link(change, blocks, LINK_IN_LINE, linked);
	return err;
}

/* The holder of the name whose line the caller has joined; 0 if the caller holds it. */
static int holder_of_line(struct change *change, struct kreg_found *holder)
{
	struct kreg *k = change->k;
	struct found found;
	uint32_t tries;
	int err;

	for (tries = 0; tries < TABLE_TRIES; tries++) {
		err = table_find_first(&change->thread->writer, change->q, &found);
		/*
		 * What was linked has ended: with the caller's life; or by another process that
		 * may take it over or unregister it, right behind the link.
		 */
		if (err == -ENOENT)
			return life_is_alive(&k->lives, k->self.owner) ? 0 : -EOWNERDEAD;
		if (err)
			return err;
		if (found.owner == k->self.owner) {
			table_settle(&change->thread->writer, change->q, found.owner, found.place);
			return 0;
		}
		if (found_copy(k, &found, holder) && !grace_again(&change->thread->writer))
			return KREG_WAITING;
	}
	return -EUCLEAN;
}

static int register_blocks(struct kreg *k, struct thread *thread, const struct query *q,
			   struct blocks *blocks, uint32_t flags, struct kreg_found *holder)
{
	struct change change;
	struct linked linked;
	uint32_t tries;
	int err = -EUCLEAN;

	change_begin(&change, k, q, thread);
	for (tries = 0; tries < TABLE_TRIES; tries++) {
		err = link_by_flags(&change, blocks, flags, &linked);
		if (err != -EEXIST ||
		    (found_copy(k, &linked.holder, holder) && !grace_again(&change.thread->writer)))
			break;
		/* The holder has died meanwhile, or the copy may be of another entry. */
		err = -EUCLEAN;
	}
	if (!err && linked.ahead && k->segment.unique)
		err = holder_of_line(&change, holder);
	change_leave(&change);
	return err;
}

_Static_assert(KREG_VALUE_MAX == ENTRY_VALUE_MAX, "what is larger is taken for damage");

static int check(struct kreg *k, const void *key, size_t *key_size, const void *value,
		 size_t *value_size, uint32_t flags, const struct kreg_found *holder)
{
	int err = key_of_call(k, key, key_size);

	if (!err)
		err = value_of_call(k, value, value_size, "value");
	if (err)
		return err;
	err = register_check_holder(k, holder);
	if (err)
		return err;
	if (flags & ~REGISTER_FLAGS)
		return refuse(k, "flags has unknown bits: use KREG_REGISTER_*");
	if (!k->segment.unique && flags & ~KREG_REGISTER_RESERVED)
		return refuse(k, "flags has more than KREG_REGISTER_RESERVED, but the registry has "
				 "duplicate keys: there is no holder to replace, and no line");
	if (flags & KREG_REGISTER_DROP && !(flags & KREG_REGISTER_REPLACEABLE))
		return refuse(k, "flags has KREG_REGISTER_DROP without KREG_REGISTER_REPLACEABLE");
	if (flags & KREG_REGISTER_DROP && flags & KREG_REGISTER_RESERVED)
		return refuse(k, "flags has KREG_REGISTER_DROP, which a reserved name cannot have");
	return 0;
}

int register_content(struct kreg *k, struct query *q, const struct content *content, uint32_t flags,
		     struct kreg_found *holder)
{
	struct thread *thread;
	struct blocks blocks;
	int err = handle_begin(k, &thread);

	if (err)
		return err;
	q->kinds = KINDS_OF_NAMES;
	if (k->segment.unique && !(flags & (KREG_REGISTER_REPLACE | KREG_REGISTER_QUEUE)) &&
	    !is_free(&k->segment, q))
		err = register_taken(k, q, holder);
	if (!err)
		err = blocks_make(k, q, content, &blocks);
	if (err)
		return err;
	err = register_blocks(k, thread, q, &blocks, flags, holder);
	if (caa_unlikely(blocks.entry))
		blocks_return(k, &blocks);
	return err;
}

static int register_name(struct kreg *k, const void *key, size_t key_size, const void *value,
			 size_t value_size, uint32_t flags, struct kreg_found *holder)
{
	struct content content = { .value = value };
	struct query q;
	int err = check(k, key, &key_size, value, &value_size, flags, holder);

	if (err)
		return err;
	content.value_size = (uint32_t)value_size;
	content.kind = flags & KREG_REGISTER_RESERVED ? ENTRY_RESERVED : ENTRY_NAME;
	content.kind |= flags_of_entry(flags);
	q = table_query_of(&k->segment, k->self.owner, key, key_size);
	return register_content(k, &q, &content, flags, holder);
}

int kreg_register_with(struct kreg *k, const void *key, size_t key_size, const void *value,
		       size_t value_size, uint32_t flags, struct kreg_found *holder)
{
	UNCANCELLABLE;
	int err;

	if (k)
		PROBE(register_begin, k->segment.inode, key, key_size);
	err = register_name(k, key, key_size, value, value_size, flags, holder);
	PROBE(register_end, err);
	return err;
}

static __attribute__((noinline)) int register_slow(struct kreg *k, const void *key, size_t key_size,
						   const void *value, size_t value_size,
						   struct kreg_found *holder)
{
	UNCANCELLABLE_IN("kreg_register");
	return register_name(k, key, key_size, value, value_size, 0, holder);
}

/*
 * The usual case: the entry takes one line, and the index has nothing of that name. 1:
 * nothing has happened, register_slow() decides. 0, -ESHUTDOWN, and as handle_begin().
 */
static inline __attribute__((always_inline)) int register_quick(struct kreg *k, const void *key,
								size_t key_size, const void *value,
								size_t value_size,
								const struct kreg_found *holder)
{
	struct content content = { .value = value, .value_size = (uint32_t)value_size };
	struct found own = { .owner = 0 };
	struct thread *thread;
	struct change change;
	struct linked linked;
	struct blocks blocks;
	struct query q;
	int err;

	if (caa_unlikely(!k || (!value && value_size) || value_size > LINE_BYTES ||
			 (holder && !holder->value && holder->capacity) ||
			 key_check(key, &key_size)))
		return 1;
	err = handle_begin(k, &thread);
	if (caa_unlikely(err))
		return err;
	q = table_query_of(&k->segment, k->self.owner, key, key_size);
	q.kinds = KINDS_OF_NAMES;
	if (caa_unlikely(index_may_have(&k->segment, &q)))
		return 1;
	content.kind = ENTRY_NAME;
	own.entry = blocks_make_small(k, &q, &content, &own.place);
	if (caa_unlikely(!own.entry))
		return 1;
	own.info = entry_info(ENTRY_NAME, 0, content.value_size, q.key_size);
	change_begin(&change, k, &q, thread);
	err = change_link_own(&change, &own, LINK_IF_FREE, &linked);
	change_leave(&change);
	if (caa_likely(!err) || err == -ESHUTDOWN)
		return err;
	blocks = (struct blocks){ .entry = own.place };
	blocks_return(k, &blocks);
	return 1;
}

int kreg_register(struct kreg *k, const void *key, size_t key_size, const void *value,
		  size_t value_size, struct kreg_found *holder)
{
	int err;

	if (caa_likely(k))
		PROBE(register_begin, k->segment.inode, key, key_size);
	err = register_quick(k, key, key_size, value, value_size, holder);
	if (caa_unlikely(err > 0))
		err = register_slow(k, key, key_size, value, value_size, holder);
	PROBE(register_end, err);
	return err;
}

/*
 * Fills @out as for a visitor. The entry is the caller's, so it stays until the change
 * ends.
 */
static int entry_show(struct change *change, const struct found *own, struct kreg_entry *out)
{
	const struct query *q = change->q;
	struct kreg *k = change->k;
	uint32_t size;
	const void *value = entry_value(&k->segment, own->entry, own->info, &size);

	if (!value)
		return segment_fault(&k->segment);
	*out = (struct kreg_entry){ .key = q->key, .key_size = q->key_size };
	out->value = value;
	out->value_size = size;
	out->position = change_ahead(change, own->place);
	out->flags = found_flags(own->info);
	handle_owner(k, own->owner, own->life, &out->owner);
	return 0;
}

static bool is_wanted(const struct kreg_entry *entry, kreg_match_fn match, void *data)
{
	OUTSIDE_OF_CALL;

	return match(entry, data);
}

static __attribute__((noinline)) int unregister_matching(struct change *change, kreg_match_fn match,
							 void *data)
{
	UNCANCELLABLE_IN("kreg_unregister");
	struct own_line line;
	struct kreg_entry entry;
	struct found own;
	int err, count = 0;

	change_own_line(change, &line);
	while (!(err = change_own_next(change, &line, &own))) {
		if (match) {
			err = entry_show(change, &own, &entry);
			if (err)
				return err;
			if (!is_wanted(&entry, match, data)) {
				line.after = own.place;
				continue;
			}
		}
		count += change_own_unlink(change, &line, &own) > 0;
	}
	return err == -ENOENT ? count : err;
}

/* @match: NULL matches all. */
static inline __attribute__((always_inline)) int
unregister(struct kreg *k, const void *key, size_t key_size, kreg_match_fn match, void *data)
{
	struct thread *thread;
	struct change change;
	struct found own;
	struct query q;
	int err = key_of_call_in(k, key, &key_size, "kreg_unregister");

	if (caa_unlikely(err))
		return err;
	err = handle_begin(k, &thread);
	if (caa_unlikely(err))
		return err;
	q = table_query_of(&k->segment, k->self.owner, key, key_size);
	q.kinds = match ? KIND_OF(ENTRY_NAME) : KINDS_OF_NAMES;
	change_begin(&change, k, &q, thread);
	if (caa_likely(!match && change_find_first(&change, &own) &&
		       !change_unlink_own(&change, &own)))
		err = 1;
	else
		err = unregister_matching(&change, match, data);
	change_leave(&change);
	return err;
}

int kreg_unregister(struct kreg *k, const void *key, size_t key_size)
{
	return unregister(k, key, key_size, NULL, NULL);
}

int kreg_unregister_match(struct kreg *k, const void *key, size_t key_size, kreg_match_fn match,
			  void *data)
{
	UNCANCELLABLE;
	return match ? unregister(k, key, key_size, match, data) : refuse(k, "match is NULL");
}
