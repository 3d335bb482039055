/* SPDX-License-Identifier: MIT */
/*
 * Read sections, which return pointers into the registry: memory that a section has found
 * is not used again before the section is left or expelled.
 *
 * A section takes its thread's slot, so it needs a handle for writing.
 */
#include <errno.h>

#include "lib/find/lookup.h"
#include "shm/table_search.h"

int kreg_read_enter(struct kreg *k)
{
	struct thread *thread;
	int err = handle_thread(k, &thread);

	if (err)
		return err;
	if (!thread->depth++)
		grace_read_enter(&k->segment, thread->writer.slot);
	return 0;
}

/* By the list, if the index has no answer. */
static __attribute__((noinline)) int read_find(struct kreg *k, const struct query *q,
					       struct found *found, struct kreg_owner *owner)
{
	int tries, err;

	for (tries = 0; tries < PEEK_TRIES; tries++) {
		err = lookup_find(k, q, found);
		if (err || !owner || handle_owner(k, found->owner, found->life, owner))
			return err;
		/* The owner has died meanwhile. */
	}
	return -EAGAIN;
}

__attribute__((flatten)) ssize_t kreg_read(struct kreg *k, const void *key, size_t key_size,
					   const void **value, struct kreg_owner *owner)
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
	err = index_find(&k->segment, &k->lives, &q, &found);
	if (!err && owner && !handle_owner(k, found.owner, found.life, owner))
		err = -EAGAIN;
	if (err == -EAGAIN)
		err = read_find(k, &q, &found, owner);
	if (err)
		return err;
	at = entry_value(&k->segment, found.entry, found.info, &size);
	if (!at)
		return segment_fault(&k->segment);
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
	return --thread->depth ? 0 : grace_read_leave(thread->writer.slot);
}
