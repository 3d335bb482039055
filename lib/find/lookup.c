/* SPDX-License-Identifier: MIT */
/*
 * Lookups that copy what they find, and write nothing.
 *
 * A copying lookup notes the epoch, searches, copies, and compares the epoch. If two
 * grace periods have passed meanwhile, the memory may have been used for another entry,
 * and the lookup starts again. It needs no slot, so it works in a read-only handle, in
 * any thread, in a child of fork() and in a signal handler.
 */
#include <errno.h>
#include <string.h>

#include "lib/find/found.h"
#include "lib/find/lookup.h"
#include "shm/table_search.h"

/*
 * Searches the partitions until one has the key. Finding each of them empty once proves
 * nothing: an entry may have been added to a partition already searched before another
 * one was removed from a partition not searched yet. So all are searched twice; for a key
 * to be missed by both rounds, it has to move back as well.
 */
int lookup_find(struct kreg *k, const struct query *q, struct found *found)
{
	uint32_t looked = 0, partitions = k->segment.partitions;
	struct query in = *q;
	int err;

	for (;;) {
		err = table_find_name(&k->segment, &k->lives, &in, found);
		if (err != -ENOENT || caa_likely(partitions == 1) || ++looked == 2 * partitions)
			return err;
		table_query_partition(&in, looked % partitions);
	}
}

ssize_t lookup_query(struct kreg *k, const struct query *q, struct kreg_found *out)
{
	struct found found = { 0 };
	ssize_t got;
	int tries;

	for (tries = 0; tries < PEEK_TRIES; tries++) {
		uint64_t epoch = grace_peek(&k->segment);

		got = lookup_find(k, q, &found);
		if (!got)
			got = found_value(k, &found, out->value, out->capacity);
		if (caa_unlikely(!grace_peek_held(&k->segment, epoch)))
			continue;
		if (got >= 0 && !handle_owner(k, found.owner, found.life, &out->owner))
			continue;
		return got;
	}
	return -EAGAIN;
}

int lookup_first(struct kreg *k, const struct query *q, struct found *found,
		 struct kreg_owner *owner)
{
	struct query line = *q;
	int tries, err;

	line.kinds = KINDS_OF_NAMES;
	for (tries = 0; tries < PEEK_TRIES; tries++) {
		uint64_t epoch = grace_peek(&k->segment);

		err = table_find(&k->segment, &k->lives, &line, found);
		if (!grace_peek_held(&k->segment, epoch))
			continue;
		if (err || handle_owner(k, found->owner, found->life, owner))
			return err;
	}
	return -EAGAIN;
}

/*
 * The cases that the shortcuts leave: unusual arguments, long keys and values, long
 * chains, overtaken peeks.
 */
static __attribute__((noinline)) ssize_t lookup_whole(struct kreg *k, const void *key,
						      size_t key_size, void *value, size_t capacity,
						      struct kreg_owner *owner)
{
	struct kreg_found found = { .value = value, .capacity = capacity };
	struct query q;
	ssize_t got;
	int err;

	/* With its size known, a string may take the shortcut. */
	if (key && key_size == KREG_STRING)
		return kreg_lookup(k, key, strlen(key), value, capacity, owner);
	err = k && (value || !capacity) ? key_check(key, &key_size) : -EINVAL;
	if (err)
		return err;
	q = table_query(&k->segment, key, key_size);
	got = lookup_query(k, &q, &found);
	if (got >= 0 && owner)
		*owner = found.owner;
	return got;
}

/* Where the index has no answer: the short way along the list, then the whole. */
static __attribute__((noinline, flatten)) ssize_t lookup_listed(struct kreg *k, const void *key,
								size_t key_size, void *value,
								size_t capacity,
								struct kreg_owner *owner)
{
	struct query q;
	ssize_t got;

	/* A search of one place is not enough where there are partitions. */
	if (k->segment.partitions > 1)
		return lookup_whole(k, key, key_size, value, capacity, owner);
	q = table_query(&k->segment, key, key_size);
	got = lookup_short(k, &q, value, capacity, owner);
	return caa_likely(got != -EAGAIN) ? got
					  : lookup_whole(k, key, key_size, value, capacity, owner);
}

/*
 * Calls only inline functions, so that the hash and its seed stay in registers. Any unusual
 * case starts again in one of the functions above, as the last call, for which nothing has
 * to be kept.
 */
static inline __attribute__((always_inline)) ssize_t lookup_sized(struct kreg *k, const void *key,
								  size_t key_size, void *value,
								  size_t capacity,
								  struct kreg_owner *owner)
{
	struct query q = table_query(&k->segment, key, key_size);
	ssize_t got = lookup_indexed(k, &q, value, capacity, owner);

	return caa_likely(got != -EAGAIN) ? got
					  : lookup_listed(k, key, key_size, value, capacity, owner);
}

/* Keys of sizes that xxHash has other ways for. */
static __attribute__((noinline, flatten)) ssize_t lookup_shorter(struct kreg *k, const void *key,
								 size_t key_size, void *value,
								 size_t capacity,
								 struct kreg_owner *owner)
{
	return lookup_sized(k, key, key_size, value, capacity, owner);
}

static __attribute__((noinline, flatten)) ssize_t lookup_longer(struct kreg *k, const void *key,
								size_t key_size, void *value,
								size_t capacity,
								struct kreg_owner *owner)
{
	if (key_size > SHORT_KEY_MAX)
		return lookup_whole(k, key, key_size, value, capacity, owner);
	return lookup_sized(k, key, key_size, value, capacity, owner);
}

/* By classes of sizes, so that each takes few registers and none has to be saved. */
__attribute__((flatten)) ssize_t kreg_lookup(struct kreg *k, const void *key, size_t key_size,
					     void *value, size_t capacity, struct kreg_owner *owner)
{
	if (caa_unlikely(!k) || caa_unlikely(!key) || caa_unlikely(!key_size) ||
	    (caa_unlikely(!value) && capacity))
		return lookup_whole(k, key, key_size, value, capacity, owner);
	if (caa_likely(key_size - 17 < 16))
		return lookup_sized(k, key, key_size, value, capacity, owner);
	return key_size < 17 ? lookup_shorter(k, key, key_size, value, capacity, owner)
			     : lookup_longer(k, key, key_size, value, capacity, owner);
}
