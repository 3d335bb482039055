/* SPDX-License-Identifier: MIT */
/*
 * Pools: one of the entries under a key, or of the names with a prefix.
 *
 * Promises  an entry that stays has one turn in each round; what was one owner's by a sub-key is
 *           another's only after the death of the first, or the arrival of the second.
 * Needs     one thread at a time for each pool; it is private memory.
 * Context   a read-only handle, a child of fork().
 *
 * Each entry gets a rank, and the one with the smallest rank is found. A rank is made of what
 * stays the same for the entry's life, and of nothing that another entry changes, so entries
 * come and go without moving the others: a number of the entry in the list would not do.
 *
 *   turn      the round goes through the entries in the order of their identities. The entry of
 *             the last turn need not be there: its identity is what is remembered.
 *   weight    Thaler and Ravishankar's highest random weight ("Using name-based mappings to
 *             increase hit rates", 1998): a hash of the sub-key and of the identity.
 *
 * An identity is a hash, of the owner or of the name, so the order of turns is no order in which
 * workers were started; two callers that start at different entries stay apart.
 *
 * With a key the line of it is walked in one peek, and nothing is copied but the value of what is
 * found. Names with a prefix are in many places: they are visited as by kreg_select().
 */
#include <errno.h>
#include <string.h>

#include "lib/find/found.h"
#include "lib/find/lookup.h"
#include "lib/find/pattern.h"
#include "lib/find/visit.h"

enum pool_flags {
	POOL_PREFIX = 1 << 0, /* set by KREG_POOL_PREFIX() */
	/*
	 * The entry of the last turn is remembered. Before that the seed of the first turn is, so
	 * that an error does not pass it on.
	 */
	POOL_BEGUN = 1 << 1,
};

struct identity {
	uint64_t hash, place;
};

/* Compared from the first field to the last. */
struct rank {
	int64_t number;
	uint64_t round, hash, place;
};

struct choice {
	struct kreg *k;
	struct kreg_pool *pool;
	struct kreg_found *out;
	bool least;     /* by the number of its counter first */
	bool by_weight; /* not by turn */
	uint64_t seed;  /* of the weights */
	bool any;
	/* of what was chosen so far: */
	struct rank rank;
	struct identity identity;
	struct found found; /* with a key */
};

static uint64_t mixed(uint64_t word)
{
	return hash_seed_next(&word);
}

/*
 * A process is known again while it lives, a name also afterwards. Two entries of one process
 * have two turns, by their places.
 */
static struct identity identity_of_owner(owner_t owner, place_t place)
{
	return (struct identity){ mixed(owner), place };
}

static struct identity identity_of_name(const struct kreg *k, const void *key, size_t size)
{
	return (struct identity){ XXH3_64bits_withSeed(key, size, k->segment.hash.whole), 0 };
}

static struct rank rank_of(const struct choice *c, struct identity identity, int64_t number)
{
	const uint64_t *last = c->pool->remembered;
	struct rank rank = { .number = c->least ? number : 0, .place = identity.place };

	if (c->by_weight) {
		rank.hash = mixed(identity.hash ^ c->seed);
		return rank;
	}
	rank.hash = identity.hash;
	if (identity.hash != last[0])
		rank.round = identity.hash < last[0];
	else
		rank.round = identity.place <= last[1];
	return rank;
}

static bool rank_is_less(struct rank a, struct rank b)
{
	if (a.number != b.number)
		return a.number < b.number;
	if (a.round != b.round)
		return a.round < b.round;
	return a.hash != b.hash ? a.hash < b.hash : a.place < b.place;
}

/* Whether the entry is chosen, until a better one comes. @value, of @size bytes, may be shared. */
static bool choose(struct choice *c, struct identity identity, const void *value, size_t size)
{
	int64_t number = 0;
	struct rank rank;

	if (c->least) {
		if (size != sizeof(number))
			return false;
		copy_out(&number, value, sizeof(number));
	}
	rank = rank_of(c, identity, number);
	if (c->any && !rank_is_less(rank, c->rank))
		return false;
	c->any = true;
	c->rank = rank;
	c->identity = identity;
	return true;
}

/* -EUCLEAN: its value is not in the segment. */
static int choose_found(struct choice *c, const struct query *q, const struct found *found)
{
	const struct segment *s = &c->k->segment;
	struct identity identity;
	const void *value;
	uint32_t size;

	value = entry_value(s, found->entry, found->info, &size);
	if (!value)
		return segment_fault(s);
	identity = s->unique ? identity_of_name(c->k, q->key, q->key_size)
			     : identity_of_owner(found->owner, found->place);
	if (choose(c, identity, value, size))
		c->found = *found;
	return 0;
}

/* -EAGAIN: entries were put in front of others that have ended, and no one was seen. */
static int walk_line(struct choice *c, const struct query *q)
{
	struct table_walk walk;
	struct found found;
	int err, bad = 0;

	table_line(&c->k->segment, q, &walk);
	while (!bad && !(err = table_line_next(&c->k->segment, &c->k->lives, q, &walk, &found)))
		bad = choose_found(c, q, &found);
	if (bad || err != -ENOENT)
		return bad ? bad : err;
	return c->any || table_held(&walk) ? 0 : -EAGAIN;
}

/* With duplicate keys: in each partition. */
static int walk_lines(struct choice *c, const struct query *q)
{
	struct query in = *q;
	uint32_t partition;
	int err = 0;

	for (partition = 0; partition < c->k->segment.partitions && !err; partition++) {
		table_query_partition(&in, partition);
		err = walk_line(c, &in);
	}
	return err;
}

/*
 * One look at all entries of the key. Where keys are unique, only the holder is one. -ENOENT: there
 * are none, or none that counts.
 */
static int walk_key(struct choice *c, const struct query *q)
{
	struct found found;
	int err;

	c->any = false;
	if (c->k->segment.unique) {
		err = lookup_find(c->k, q, &found);
		if (!err)
			err = choose_found(c, q, &found);
	} else {
		err = walk_lines(c, q);
	}
	return err ? err : c->any ? 0 : -ENOENT;
}

static ssize_t choose_of_key(struct choice *c, const void *key, size_t size)
{
	struct kreg *k = c->k;
	struct query q = table_query(&k->segment, key, size);
	bool sure = k->segment.partitions == 1;
	struct kreg_found *out = c->out;
	ssize_t got;
	int tries;

	for (tries = 0; tries < PEEK_TRIES; tries++) {
		uint64_t epoch = grace_peek(&k->segment);

		got = walk_key(c, &q);
		if (!got)
			got = found_value(k, &c->found, out->value, out->capacity);
		if (!grace_peek_held(&k->segment, epoch) || got == -EAGAIN)
			continue;
		/* As lookup_find() does: the only entry may have gone from one to another. */
		if (got == -ENOENT && !sure) {
			sure = true;
			continue;
		}
		if (!found_is(got))
			return got;
		/* It may have died while the others were looked at. */
		if (!handle_owner(k, c->found.owner, c->found.life, &out->owner) ||
		    !life_is_alive(&k->lives, out->owner.token))
			continue;
		memcpy(c->pool->found, key, size);
		c->pool->found_size = (uint32_t)size;
		return got;
	}
	return -EAGAIN;
}

static int choose_visited(const struct kreg_entry *entry, void *data)
{
	struct choice *c = data;
	struct kreg_found *out = c->out;
	struct identity identity;

	if (entry->position)
		return 0;
	/* The visit has stored the place in @reserved. */
	identity = c->k->segment.unique
			   ? identity_of_name(c->k, entry->key, entry->key_size)
			   : identity_of_owner(entry->owner.token, (place_t)entry->reserved);
	if (!choose(c, identity, entry->value, entry->value_size))
		return 0;
	out->owner = entry->owner;
	out->size = (ssize_t)entry->value_size;
	if (out->value && entry->value_size > out->capacity)
		out->size = -ERANGE;
	else if (out->value)
		memcpy(out->value, entry->value, entry->value_size);
	memcpy(c->pool->found, entry->key, entry->key_size);
	c->pool->found_size = (uint32_t)entry->key_size;
	return 0;
}

static ssize_t choose_of_prefix(struct choice *c, const void *prefix, size_t size)
{
	KREG_PATTERN(pattern, .prefix = prefix, .prefix_size = size);
	struct visit v = { .k = c->k, .pattern = &pattern, .visit = choose_visited, .data = c };
	int tries, err;

	for (tries = 0; tries < PEEK_TRIES; tries++) {
		c->any = false;
		err = visit_matching(&v);
		if (err)
			return err;
		if (!c->any)
			return -ENOENT;
		if (life_is_alive(&c->k->lives, c->out->owner.token))
			return c->out->size;
	}
	return -EAGAIN;
}

/* A number, not 0, that no other pool is likely to have, in this process or another one. */
static uint64_t pool_random(const struct kreg *k, const struct kreg_pool *pool)
{
	return mixed(clock_now() ^ mixed((uintptr_t)pool ^ mixed(k->self.owner))) | 1;
}

static ssize_t pool_choose(struct choice *c, struct kreg_owner *owner)
{
	struct kreg_pool *pool = c->pool;
	size_t size;
	ssize_t got;

	if (!c->k || !pool)
		return refuse(c->k, c->k ? "pool is NULL" : K_IS_NULL);
	got = buffer_of_call(c->k, c->out->value, c->out->capacity, "value");
	if (got)
		return got;
	size = pool->key_size == (uint32_t)KREG_STRING ? KREG_STRING : pool->key_size;
	got = key_of_call(c->k, pool->key, &size);
	if (got)
		return got;
	got = pool->flags & POOL_PREFIX ? choose_of_prefix(c, pool->key, size)
					: choose_of_key(c, pool->key, size);
	if (!found_is(got))
		return got;
	pool->found[pool->found_size] = '\0';
	if (owner)
		*owner = c->out->owner;
	return got;
}

/* The next turn, of all or of those with the least number. */
static ssize_t pool_turn(struct kreg *k, struct kreg_pool *pool, bool least, void *value,
			 size_t capacity, struct kreg_owner *owner)
{
	struct kreg_found out = { .value = value, .capacity = capacity };
	struct choice c = { .k = k, .pool = pool, .out = &out, .least = least };
	ssize_t got;

	if (k && pool && !(pool->flags & POOL_BEGUN)) {
		if (!pool->remembered[0])
			pool->remembered[0] = pool_random(k, pool);
		c.by_weight = true;
		c.seed = pool->remembered[0];
	}
	got = pool_choose(&c, owner);
	if (got >= 0) {
		pool->flags |= POOL_BEGUN;
		pool->remembered[0] = c.identity.hash;
		pool->remembered[1] = c.identity.place;
	}
	return got;
}

ssize_t kreg_pool_next(struct kreg *k, struct kreg_pool *pool, void *value, size_t capacity,
		       struct kreg_owner *owner)
{
	UNCANCELLABLE;

	return pool_turn(k, pool, false, value, capacity, owner);
}

ssize_t kreg_pool_least(struct kreg *k, struct kreg_pool *pool, void *value, size_t capacity,
			struct kreg_owner *owner)
{
	UNCANCELLABLE;

	return pool_turn(k, pool, true, value, capacity, owner);
}

ssize_t kreg_pool_for(struct kreg *k, struct kreg_pool *pool, const void *what, size_t what_size,
		      void *value, size_t capacity, struct kreg_owner *owner)
{
	UNCANCELLABLE;
	struct kreg_found out = { .value = value, .capacity = capacity };
	struct choice c = { .k = k, .pool = pool, .out = &out, .by_weight = true };

	if (!k || (!what && what_size))
		return refuse(k, k ? "what is NULL, but what_size is not 0" : K_IS_NULL);
	if (what_size == KREG_STRING)
		what_size = strlen(what);
	/* Not by the same words as names: a worker's own name is a sub-key like others. */
	c.seed = XXH3_64bits_withSeed(what, what_size, k->segment.hash.words[0]);
	return pool_choose(&c, owner);
}
