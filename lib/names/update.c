/* SPDX-License-Identifier: MIT */
/*
 * Changes of the value of the caller's own entry.
 *
 * A linked entry's value is never overwritten, except by a counter's additions. An entry
 * with the new value replaces it by one CAS, so a reader finds either the old value or
 * the new one, whole.
 *
 *   step                                    killed here
 *   a block is taken and filled             the slab is a dead owner's, the entry in no list
 *   it replaces the entry, by one CAS       absent, because its owner is dead
 *
 * Another process may unregister or replace an entry that is a gift, if this one allows that
 * (behalf.c). So an entry that was found may be gone by the CAS, and the call looks again. And
 * the new entry is a gift as well then: in a block of our own, the others could not change the
 * name any longer.
 */
#include "lib/names/update.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "shm/consent.h"

/*
 * Of kreg_update_with(). Threads that change the entry all the time are no damage, and neither is
 * a function that changes it itself: each try fails then.
 */
#define WITH_TRIES (1u << 16)

int update_check(struct kreg *k, const void *key, size_t *key_size, const void *value,
		 size_t *value_size)
{
	int err = key_of_call(k, key, key_size);

	return err ? err : value_of_call(k, value, value_size, "value");
}

/* The value of @own; NULL: damage. */
static const void *value_of(const struct change *change, const struct found *own, uint32_t *size)
{
	return entry_value(&change->k->segment, own->entry, own->info, size);
}

/* Whether the value of @own is the one that @u expects. */
static bool is_expected(const struct change *change, const struct update *u,
			const struct found *own)
{
	uint32_t size;
	const void *value = value_of(change, own, &size);

	return value && size == u->expected_size && copy_equals(value, u->expected, size);
}

/*
 * The own entry that @u is about: with unique keys there is one. With duplicate keys it is
 * the one registered last, or of those with the expected value the one registered last.
 */
static int find_own(struct change *change, const struct update *u, struct found *own)
{
	struct own_line line;
	bool others = false;
	int err;

	change_own_line(change, &line);
	while (!(err = change_own_next(change, &line, own))) {
		if ((!u->place || own->place == u->place) &&
		    (!u->expected || is_expected(change, u, own)))
			return 0;
		others = true;
		line.after = own->place;
	}
	return err == -ENOENT && others ? -ECANCELED : err;
}

/*
 * Whether the entry that replaces @own has to be a gift as well. A value that is too large for a
 * gift ends that.
 */
static bool stays_gift(struct change *change, const struct found *own, uint32_t value_size)
{
	struct kreg *k = change->k;

	return caa_unlikely(entry_is_gift(own->info)) && change->q->kinds == KIND_OF(ENTRY_NAME) &&
	       entry_head(change->q->key_size) + value_size <= GIFT_BYTES_MAX &&
	       consent_is_given(&k->segment, &k->lives, k->self.owner);
}

/*
 * Replaces the entry that @change finds by @blocks, with a value of @value_size bytes. Returns the
 * size of the old value. -EXDEV: @blocks are to be made with *flags first, ENTRY_GIFT included.
 */
static ssize_t update_own(struct change *change, const struct update *u, struct blocks *blocks,
			  uint32_t value_size, uint32_t *flags)
{
	place_t place = blocks->entry;
	struct found own;
	const void *value;
	uint32_t size;
	int err = find_own(change, u, &own);

	if (err)
		return err;
	if (caa_unlikely(entry_is_remote(own.info) != u->remote))
		return -EREMOTE;
	value = value_of(change, &own, &size);
	if (!value)
		return segment_fault(&change->k->segment);
	if (u->old && size > u->capacity)
		return -ERANGE;
	*flags = u->flags ? *u->flags : entry_flags(own.info);
	if (!blocks_set_flags(change->k, blocks, *flags))
		return -EXDEV;
	if (stays_gift(change, &own, value_size))
		*flags |= ENTRY_GIFT;
	if (!blocks->gift.place != !(*flags & (ENTRY_GIFT | ENTRY_DROP)))
		return -EXDEV;
	err = u->keeps ? blocks_follow(change->k, place, &own) : 0;
	if (err)
		return err == -EAGAIN ? -ECANCELED : err;
	if (u->old && size)
		copy_out(u->old, value, size);
	change->silent = u->flags;
	err = change_replace(change, &own, blocks);
	/*
	 * A process that has seen the entry before may have taken the name over until here:
	 * what was seen is cleared away, so from now on the new flags are what others see.
	 */
	if (!err && u->flags)
		change->waits = !table_settle(&change->thread->writer, change->q, own.owner, place);
	/* Another process has replaced or unregistered it first. */
	if (err == -ENOENT)
		err = -EXDEV;
	return err ? err : (ssize_t)size;
}

static ssize_t update_once(struct kreg *k, struct query *q, const struct content *content,
			   const struct update *u, uint32_t *flags)
{
	struct blocks blocks;
	struct change change;
	ssize_t got = blocks_make(k, q, content, &blocks);

	if (got)
		return got;
	got = change_enter(&change, k, q);
	if (!got) {
		got = update_own(&change, u, &blocks, content->value_size, flags);
		if (u->waits)
			*u->waits = change.waits;
		change_leave(&change);
	}
	blocks_return(k, &blocks);
	return got;
}

/* Another thread may change the flags meanwhile, and another process a gift. */
ssize_t update_entry(struct kreg *k, struct query *q, const struct content *content,
		     const struct update *u)
{
	struct content with = *content;
	uint32_t flags = u->flags ? *u->flags : 0, tries;
	ssize_t got = handle_check(k);

	if (got)
		return got;
	for (tries = 0, got = -EXDEV; got == -EXDEV && tries < TABLE_TRIES; tries++) {
		with.kind = content->kind | flags;
		got = update_once(k, q, &with, u, &flags);
	}
	return got == -EXDEV ? -EUCLEAN : got;
}

/* The same; the error says whether another process has the name. */
static ssize_t update_own_key(struct kreg *k, struct query *q, const struct content *content,
			      const struct update *u)
{
	ssize_t got = update_entry(k, q, content, u);

	return got < 0 ? change_whose(k, q, (int)got) : got;
}

static ssize_t update_value(struct kreg *k, const void *key, size_t key_size, const void *value,
			    size_t value_size, const struct update *u)
{
	struct content content = { .kind = ENTRY_NAME, .value = value };
	struct query q;
	int err = update_check(k, key, &key_size, value, &value_size);

	if (err)
		return err;
	content.value_size = (uint32_t)value_size;
	q = table_query_of(&k->segment, k->self.owner, key, key_size);
	return update_own_key(k, &q, &content, u);
}

ssize_t kreg_update(struct kreg *k, const void *key, size_t key_size, const void *value,
		    size_t value_size, void *old, size_t capacity)
{
	UNCANCELLABLE;
	const struct update u = { .old = old, .capacity = capacity };

	if (!old && capacity)
		return refuse(k,
			      "old is NULL, but capacity is not 0: pass a buffer, or 0 to ask for "
			      "the size");
	return update_value(k, key, key_size, value, value_size, &u);
}

int kreg_update_if(struct kreg *k, const void *key, size_t key_size, const void *value,
		   size_t value_size, const void *expected, size_t expected_size)
{
	UNCANCELLABLE;
	struct update u = { .expected = expected ? expected : "" };
	ssize_t got = value_of_call(k, expected, &expected_size, "expected");

	/* One that is too long is not the value. */
	if (got && got != -EMSGSIZE)
		return (int)got;
	u.expected_size = expected_size;
	got = update_value(k, key, key_size, value, value_size, &u);
	return got < 0 ? (int)got : 0;
}

static ssize_t change_value(kreg_update_fn change, unsigned char *values, size_t size, void *data)
{
	OUTSIDE_OF_CALL;

	return change(values + KREG_VALUE_MAX, KREG_VALUE_MAX, values, size, data);
}

int kreg_update_with(struct kreg *k, const void *key, size_t key_size, kreg_update_fn change,
		     void *data)
{
	UNCANCELLABLE;
	struct update u = { 0 };
	unsigned char *values;
	uint32_t tries = 0;
	struct found own;
	struct query q;
	size_t none = 0;
	ssize_t got;
	int err =
		change ? update_check(k, key, &key_size, NULL, &none) : refuse(k, "change is NULL");

	if (err)
		return err;
	values = malloc(2 * KREG_VALUE_MAX);
	if (!values)
		return -ENOMEM;
	q = table_query_of(&k->segment, k->self.owner, key, key_size);
	do {
		struct content content = { .value = values + KREG_VALUE_MAX, .kind = ENTRY_NAME };

		got = change_copy_own(k, &q, &own, values, KREG_VALUE_MAX);
		if (got < 0) {
			got = change_whose(k, &q, (int)got);
			break;
		}
		u.place = own.place;
		/*
		 * An addition to a counter does not change its place, so the value is
		 * compared as well.
		 */
		u.expected = values;
		u.expected_size = (size_t)got;
		got = change_value(change, values, (size_t)got, data);
		if (got < 0)
			break;
		content.value_size = (uint32_t)got;
		got = got > KREG_VALUE_MAX ? -EMSGSIZE : update_own_key(k, &q, &content, &u);
	} while (got == -ECANCELED && ++tries < WITH_TRIES);
	if (got == -ECANCELED)
		got = -EAGAIN;
	free(values);
	return got < 0 ? (int)got : 0;
}
