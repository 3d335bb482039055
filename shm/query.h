/* SPDX-License-Identifier: MIT */
/*
 * Queries: what a search looks for, as a hash, an order, and the kinds and the owner of
 * the entries that match.
 *
 * A query is made once for each call and handed to all searches of it, because hashing
 * the key is a good part of a lookup.
 *
 * Promises  the same key has the same hash in all processes, because the seed is the
 *           segment's.
 * Needs     a key that stays where it is as long as the query is used.
 * Context   any.
 * Used by   the table, gift, sweep, lib/.
 */
#ifndef KREG_SHM_QUERY_H
#define KREG_SHM_QUERY_H

#include "shm/entry.h"

/* One search. Private to the thread that has made it. */
struct query {
	const void *key;
	uint32_t key_size;
	/* as many bits as buckets and order use */
	uint32_t hash;
	/*
	 * the hash of the key without its partition: all who wait for a key share one
	 * bell, whatever partition its next owner is in
	 */
	uint32_t bell;
	order_t order;
	/* KIND_OF() those that match */
	uint32_t kinds;
	/* the only owner that matches; 0: any */
	owner_t owner;
};

/*
 * Locks, claims, statuses and states get other places in the list than names of the same key: a
 * long line for a lock would otherwise lengthen each lookup of the name.
 */
#define HASH_OF_LOCKS 0x1e3779b9u
#define HASH_OF_CLAIMS 0x02b2ae3du
#define HASH_OF_STATUS 0x165667b1u
#define HASH_OF_STATE 0x27d4eb2fu

/* The hash of the key is known already. */
static inline __attribute__((always_inline)) struct query
table_query_hashed(uint32_t hash, const void *key, size_t key_size, uint32_t kinds)
{
	struct query q;

	q.key = key;
	q.key_size = (uint32_t)key_size;
	q.hash = hash;
	q.bell = q.hash;
	q.order = order_of_entry(q.hash);
	q.kinds = kinds;
	q.owner = 0;
	return q;
}

static inline __attribute__((always_inline)) struct query
table_query_by(const struct segment *s, uint32_t by, const void *key, size_t key_size,
	       uint32_t kinds)
{
	return table_query_hashed(order_hash(hash_key(&s->hash, key, key_size) ^ by), key, key_size,
				  kinds);
}

/*
 * Names that can be found. With several partitions, those in partition 0 only: a search for
 * all of a key's entries repeats with table_query_partition().
 */
static inline __attribute__((always_inline)) struct query
table_query(const struct segment *s, const void *key, size_t key_size)
{
	return table_query_by(s, 0, key, key_size, KIND_OF(ENTRY_NAME));
}

static inline struct query table_query_lock(const struct segment *s, const void *key,
					    size_t key_size)
{
	return table_query_by(s, HASH_OF_LOCKS, key, key_size, KIND_OF(ENTRY_LOCK));
}

static inline struct query table_query_claim(const struct segment *s, const void *key,
					     size_t key_size)
{
	return table_query_by(s, HASH_OF_CLAIMS, key, key_size, KIND_OF(ENTRY_CLAIM));
}

static inline struct query table_query_status(const struct segment *s, const void *key,
					      size_t key_size)
{
	return table_query_by(s, HASH_OF_STATUS, key, key_size, KIND_OF(ENTRY_STATUS));
}

static inline struct query table_query_state(const struct segment *s, const void *key,
					     size_t key_size)
{
	return table_query_by(s, HASH_OF_STATE, key, key_size, KIND_OF(ENTRY_STATE));
}

/*
 * Turns the query for a key into the one for the entries that owners of one partition
 * have under it. A key's entries are in as many places of the list as there are
 * partitions, so a search for any owner's goes through all of them. Made from q->bell, so
 * it can be repeated with the next partition.
 */
static inline void table_query_partition(struct query *q, uint32_t partition)
{
	q->hash = order_hash(q->bell + partition * 0x9e3779b1u);
	q->order = order_of_entry(q->hash);
}

static inline uint32_t table_partition(const struct segment *s, owner_t owner)
{
	return owner_seat(owner) % s->partitions;
}

/*
 * The query for what @owner has under a key, or is about to have. Registration and search
 * must agree about the partition, or the entry would be where nobody looks.
 */
static inline __attribute__((always_inline)) struct query
table_query_of(const struct segment *s, owner_t owner, const void *key, size_t key_size)
{
	struct query q = table_query(s, key, key_size);

	if (caa_unlikely(s->partitions != 1))
		table_query_partition(&q, table_partition(s, owner));
	return q;
}

/*
 * The query that leads to @owner's entry of @info with that key: the hash depends on the
 * kind, so an entry that is found by its slab is found in the list only by the query of
 * its own kind.
 */
static inline struct query table_query_entry(const struct segment *s, owner_t owner, uint64_t info,
					     const void *key)
{
	switch (entry_kind(info)) {
	case ENTRY_LOCK:
		return table_query_lock(s, key, entry_key_size(info));
	case ENTRY_CLAIM:
		return table_query_claim(s, key, entry_key_size(info));
	case ENTRY_STATUS:
		return table_query_status(s, key, entry_key_size(info));
	case ENTRY_STATE:
		return table_query_state(s, key, entry_key_size(info));
	default:
		return table_query_of(s, owner, key, entry_key_size(info));
	}
}

#endif
