/* SPDX-License-Identifier: MIT */
/*
 * Lookups: copying ones, which write nothing, and read sections, which hand out pointers.
 *
 * A copying lookup notes the epoch, searches, copies, and looks at the epoch again. If two grace periods
 * have passed meanwhile, what it read may have been another entry's memory, and it starts again. It
 * needs no slot, so it works read-only, in any thread, in a child of fork() and in a signal handler.
 */
#include <errno.h>
#include <string.h>

#include "lib/handle.h"
#include "shm/table_search.h"

static inline __attribute__((always_inline)) ssize_t
value_copy(struct kreg *k, const struct found *found, void *value, size_t capacity)
{
	uint32_t size;
	const void *from = entry_value(&k->segment, found->entry, found->info, &size);

	if (!from)
		return -EUCLEAN;
	if (size && size <= capacity)
		copy_out(value, from, size);
	return size;
}

/* One try; *overtaken: it has to be made again. */
static inline __attribute__((always_inline)) ssize_t
lookup_once(struct kreg *k, const struct query *q, void *value, size_t capacity,
	    struct kreg_owner *owner, bool *overtaken)
{
	uint64_t epoch = grace_peek(&k->segment);
	struct found found;
	ssize_t got;

	got = table_find(&k->segment, &k->lives, q, &found);
	if (got) {
		*overtaken = !grace_peek_held(&k->segment, epoch);
		return got;
	}
	got = value_copy(k, &found, value, capacity);
	*overtaken = !grace_peek_held(&k->segment, epoch) ||
		     (owner && got >= 0 && !handle_owner(k, found.owner, found.life, owner));
	return got;
}

static __attribute__((noinline, cold)) ssize_t lookup_again(struct kreg *k, const void *key,
							    size_t key_size, void *value,
							    size_t capacity,
							    struct kreg_owner *owner)
{
	struct query q = table_query(&k->segment, key, key_size);
	bool overtaken;
	ssize_t got;
	int tries;

	for (tries = 0; tries < PEEK_TRIES; tries++) {
		got = lookup_once(k, &q, value, capacity, owner, &overtaken);
		if (!overtaken)
			return got;
	}
	return -EAGAIN;
}

/* Flat, so that the hash and its seed are not handed to a call and back. */
__attribute__((flatten)) ssize_t kreg_lookup(struct kreg *k, const void *key, size_t key_size,
					     void *value, size_t capacity, struct kreg_owner *owner)
{
	struct query q;
	bool overtaken;
	ssize_t got;

	if (caa_unlikely(!k) || (caa_unlikely(!value) && capacity))
		return -EINVAL;
	got = key_check(key, &key_size);
	if (caa_unlikely(got))
		return got;
	q = table_query(&k->segment, key, key_size);
	got = lookup_once(k, &q, value, capacity, owner, &overtaken);
	if (caa_likely(!overtaken))
		return got;
	return lookup_again(k, key, key_size, value, capacity, owner);
}

int kreg_read_enter(struct kreg *k)
{
	struct thread *thread;
	int err = handle_thread(k, &thread);

	if (err)
		return err;
	if (!thread->depth++)
		grace_read_enter(&k->segment, thread->slot);
	return 0;
}

ssize_t kreg_read(struct kreg *k, const void *key, size_t key_size, const void **value,
		  struct kreg_owner *owner)
{
	struct thread *thread;
	struct found found;
	struct query q;
	uint32_t size;
	const void *at;
	int err;

	err = k && value ? key_check(key, &key_size) : -EINVAL;
	if (!err)
		err = handle_thread(k, &thread);
	if (!err && !thread->depth)
		err = -EINVAL;
	if (err)
		return err;
	q = table_query(&k->segment, key, key_size);
	do {
		err = table_find(&k->segment, &k->lives, &q, &found);
		if (err)
			return err;
	} while (owner && !handle_owner(k, found.owner, found.life, owner));
	at = entry_value(&k->segment, found.entry, found.info, &size);
	if (!at)
		return -EUCLEAN;
	*value = at;
	return size;
}

int kreg_read_leave(struct kreg *k)
{
	struct thread *thread;
	int err = handle_thread(k, &thread);

	if (err)
		return err;
	if (!thread->depth)
		return -EINVAL;
	return --thread->depth ? 0 : grace_read_leave(thread->slot);
}
