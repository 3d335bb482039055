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
#include "shm/look.h"
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
		if (found_is(got) && !handle_owner(k, found.owner, found.life, &out->owner))
			continue;
		return got;
	}
	return -EAGAIN;
}

int lookup_refuse(const struct kreg *k, const char *function, const void *key, size_t key_size,
		  const char *buffer)
{
	if (lookup_is_wrong(k, key, key_size, NULL, 0))
		return kreg_inner_refuse_key(k, call_of(function), key);
	return refuse_in(
		function, k, buffer,
		" is NULL, but capacity is not 0: pass a buffer, or 0 to ask for the size");
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
	if (lookup_is_wrong(k, key, key_size, value, capacity))
		return lookup_refuse(k, "kreg_lookup", key, key_size, "value");
	err = key_check(key, &key_size);
	if (err)
		return err;
	q = table_query(&k->segment, key, key_size);
	got = lookup_query(k, &q, &found);
	if (found_is(got) && owner)
		*owner = found.owner;
	return got;
}

/*
 * Copies the value and the owner of @found, whose value is behind a key of @key_size, and
 * checks the peek that began in @epoch. -EAGAIN: use lookup_query().
 */
static inline __attribute__((always_inline)) ssize_t
lookup_copy(struct kreg *k, const struct found *found, uint32_t key_size, uint64_t epoch,
	    void *value, size_t capacity, struct kreg_owner *owner)
{
	uint32_t size = entry_value_size(found->info);

	if (!lookup_value(&k->segment, found->entry, size, entry_head(key_size), value, capacity))
		return -EAGAIN;
	if (caa_unlikely(!grace_peek_held(&k->segment, epoch)))
		return -EAGAIN;
	if (owner && !handle_owner(k, found->owner, found->life, owner))
		return -EAGAIN;
	return size;
}

/*
 * Whether @entry, to which the index has led, is a living name with the key of @q, of at most
 * SHORT_KEY_MAX bytes, and its value behind that. Fills in @found, but for its place. Otherwise
 * the list has to be asked.
 */
static inline __attribute__((always_inline)) bool lookup_is_plain(const struct kreg *k,
								  const struct query *q,
								  struct entry *entry,
								  struct found *found)
{
	ref_t next = table_load(&entry->next);

	found->info = load_relaxed(&entry->info); /* relaxed: behind the cell */
	if (caa_unlikely(!entry_is_in_line(found->info, q->key_size)))
		return false;
	if (caa_unlikely(!copy_equals(entry->bytes, q->key, q->key_size)))
		return false;
	return caa_likely(name_is_live(&k->lives, entry, next, found));
}

/*
 * The shortcut by the index, for the common cases; @owner may be NULL. -EAGAIN: use
 * lookup_query().
 */
static inline __attribute__((always_inline)) ssize_t lookup_indexed(struct kreg *k,
								    const struct query *q,
								    void *value, size_t capacity,
								    struct kreg_owner *owner)
{
	uint64_t epoch = grace_peek(&k->segment);
	struct entry *entry;
	struct found found;
	place_t place;
	int err = index_probe(&k->segment, q, &entry, &place);

	if (err == -ENOENT && caa_likely(grace_peek_held(&k->segment, epoch)))
		return -ENOENT;
	if (caa_unlikely(err) || !lookup_is_plain(k, q, entry, &found))
		return -EAGAIN;
	return lookup_copy(k, &found, q->key_size, epoch, value, capacity, owner);
}

/*
 * The shortcut along the list, where there is no index. In a registry with partitions,
 * -ENOENT is about the first one only.
 */
static inline __attribute__((always_inline)) ssize_t lookup_short(struct kreg *k,
								  const struct query *q,
								  void *value, size_t capacity,
								  struct kreg_owner *owner)
{
	uint64_t epoch = grace_peek(&k->segment);
	struct found found;
	int err = table_find_short(&k->segment, &k->lives, q, &found);

	if (err)
		return caa_likely(grace_peek_held(&k->segment, epoch)) ? err : -EAGAIN;
	return lookup_copy(k, &found, q->key_size, epoch, value, capacity, owner);
}

/*
 * Where the look had no answer: with its own peek, by the index and along the list; for the
 * next lookup the look is renewed.
 */
static __attribute__((noinline, flatten)) ssize_t lookup_listed(struct kreg *k, const void *key,
								size_t key_size, void *value,
								size_t capacity,
								struct kreg_owner *owner)
{
	struct query q;
	ssize_t got = -EAGAIN;

	look_renew(&k->segment);
	/* A search of one place is not enough where there are partitions. */
	if (k->segment.partitions == 1 && key_size <= SHORT_KEY_MAX) {
		q = table_query(&k->segment, key, key_size);
		got = lookup_indexed(k, &q, value, capacity, owner);
		if (got == -EAGAIN)
			got = lookup_short(k, &q, value, capacity, owner);
	}
	return caa_likely(got != -EAGAIN) ? got
					  : lookup_whole(k, key, key_size, value, capacity, owner);
}

/*
 * Where the look had no answer, because others may be put in front of the name: by its cell, if
 * that is alone. The rest are the last call.
 */
static __attribute__((noinline, flatten)) ssize_t lookup_alone(struct kreg *k, const void *key,
							       size_t key_size, void *value,
							       size_t capacity,
							       struct kreg_owner *owner)
{
	struct query q = table_query(&k->segment, key, key_size);
	uint64_t epoch = grace_peek(&k->segment);
	ssize_t got = -EAGAIN;
	struct found found;

	if (index_find_alone(&k->segment, &k->lives, &q, &found) && !entry_value_place(found.info))
		got = lookup_copy(k, &found, q.key_size, epoch, value, capacity, owner);
	return caa_likely(got != -EAGAIN) ? got
					  : lookup_listed(k, key, key_size, value, capacity, owner);
}

/*
 * Where the look has led to an entry that is not of the most usual form: it is looked at once more,
 * and what is unusual starts again in lookup_alone(), as the last call, for which nothing has to be
 * kept but the arguments. @at: the entry, put aside, so that this is a last call as well.
 */
#define LOOKUP_SIZED(name, equals, is_long)                                                        \
	static __attribute__((noinline)) ssize_t name(                                             \
		struct kreg *k, const void *key, size_t key_size, void *value, size_t capacity,    \
		struct kreg_owner *owner, look_began began, look_aside at)                         \
	{                                                                                          \
		const struct entry *entry = (const struct entry *)(uintptr_t)look_get(at);         \
		ssize_t got = lookup_entry(k, entry, equals, is_long, key, key_size, value,        \
					   capacity, owner);                                       \
                                                                                                   \
		return caa_likely(got != -EAGAIN) && look_held(&k->segment, began)                 \
			       ? got                                                               \
			       : lookup_alone(k, key, key_size, value, capacity, owner);           \
	}
LOOKUP_SIZED(lookup_sized_to_16, copy_equals, false)
LOOKUP_SIZED(lookup_sized_17_to_32, copy_equals_16_to_32, false)
LOOKUP_SIZED(lookup_sized_33_to_40, copy_equals, false)
LOOKUP_SIZED(lookup_sized_long, copy_equals, true)

/*
 * What a class of sizes of keys has of its own, so that each takes few registers and none has to
 * be saved. Constant where lookup_by() is inlined.
 */
struct lookup_class {
	uint32_t (*hash)(const struct hash_seed *, const unsigned char *, size_t);
	/* NULL: a value of 8 bytes does not end in the entry's line */
	bool (*equals)(const void *, const void *, size_t);
	ssize_t (*sized)(struct kreg *, const void *, size_t, void *, size_t, struct kreg_owner *,
			 look_began, look_aside);
};

/*
 * The owner, if it lives and all since @began holds, and its value. Nothing that a dead one has left
 * reaches the caller.
 */
static inline __attribute__((always_inline)) ssize_t
lookup_give(const struct kreg *k, bool lives, owner_t word, uint64_t pid, look_began began,
	    look_aside eight, void *value, struct kreg_owner *owner)
{
	if (caa_unlikely(!lives))
		return -EAGAIN;
	if (owner)
		lookup_fill(owner, word, pid);
	if (caa_unlikely(!look_held(&k->segment, began)))
		return -EAGAIN;
	look_copied(value, eight);
	return 8;
}

/* A value of 8 bytes, if all is as it mostly is; else -EAGAIN. */
static inline __attribute__((always_inline)) ssize_t
lookup_usual(const struct kreg *k, bool (*equals)(const void *, const void *, size_t),
	     const struct entry *entry, look_began began, const void *key, size_t key_size,
	     void *value, size_t capacity, struct kreg_owner *owner)
{
	ssize_t got = -EAGAIN;
	enum lookup_lives in;
	look_aside eight;
	uint64_t pid;
	owner_t word;
	bool lives;

	if (caa_unlikely(!lookup_has_key(k, entry, equals, false, key, key_size)))
		return -EAGAIN;
	if (caa_unlikely(capacity < 8))
		return -EAGAIN;
	eight = lookup_eight(entry, key_size);
	word = load_relaxed(&entry->owner); /* relaxed: behind the cell */
	in = lookup_lives_in(k, word);
	if (in == LOOKUP_ROBUST) {
		lives = lookup_lives_robust(k, word, &pid);
		got = lookup_give(k, lives, word, pid, began, eight, value, owner);
		/* Two ends, as the compiler would have one jump to the other. */
		__asm__ volatile("" : : "i"(LOOKUP_ROBUST));
	} else if (in == LOOKUP_GUARDED) {
		lives = lookup_lives_guarded(k, word, &pid);
		got = lookup_give(k, lives, word, pid, began, eight, value, owner);
	}
	return got;
}

/* @above is the size of the key, less @least. */
static inline __attribute__((always_inline)) ssize_t
lookup_by(struct kreg *k, const struct lookup_class class, const void *key, size_t above,
	  size_t least, void *value, size_t capacity, struct kreg_owner *owner)
{
	look_began began = look_begin(&k->segment);
	struct entry *entry;
	uint32_t hash;
	ssize_t got;
	bool usual;

	hash = class.hash(&k->segment.hash, key, above + least);
	/* No address that the hash needed is kept for the comparison. */
	__asm__("" : "+r"(key), "+r"(above), "+r"(hash));
	got = look_probe(&k->segment, hash, began, &entry);
	usual = !got && class.equals && lookup_is_eight(entry, above + least);
	if (caa_likely(usual))
		got = lookup_usual(k, class.equals, entry, began, key, above + least, value,
				   capacity, owner);
	if (caa_likely(got < 0 ? got != -EAGAIN : usual))
		return got;
	/* The sum is not made before it is needed. */
	__asm__("" : "+r"(above));
	if (!got)
		return class.sized(k, key, above + least, value, capacity, owner, began,
				   look_set((uintptr_t)entry));
	return lookup_alone(k, key, above + least, value, capacity, owner);
}

#define LOOKUP_BY(...)                                                                             \
	lookup_by(k, (struct lookup_class){ __VA_ARGS__ }, key, key_size, 0, value, capacity, owner)

static __attribute__((noinline)) ssize_t lookup_shorter(struct kreg *k, const void *key,
							size_t key_size, void *value,
							size_t capacity, struct kreg_owner *owner)
{
	if (caa_likely(key_size >= 8))
		return LOOKUP_BY(hash_to_16, copy_equals_8_to_16, lookup_sized_to_16);
	return LOOKUP_BY(hash_to_16, copy_equals, lookup_sized_to_16);
}

static __attribute__((noinline)) ssize_t lookup_longer(struct kreg *k, const void *key,
						       size_t key_size, void *value,
						       size_t capacity, struct kreg_owner *owner)
{
	return LOOKUP_BY(hash_33_to_64, NULL, lookup_sized_33_to_40);
}

/* Of more than SHORT_KEY_MAX bytes. */
static __attribute__((noinline)) ssize_t lookup_long(struct kreg *k, const void *key,
						     size_t key_size, void *value, size_t capacity,
						     struct kreg_owner *owner)
{
	if (caa_likely(key_size <= HASH_SHORT_MAX))
		return LOOKUP_BY(hash_33_to_64, NULL, lookup_sized_long);
	return LOOKUP_BY(hash_long, NULL, lookup_sized_long);
}

/* Keys that are not of 17 to 32 bytes. */
static __attribute__((noinline)) ssize_t lookup_other(struct kreg *k, const void *key,
						      size_t key_size, void *value, size_t capacity,
						      struct kreg_owner *owner)
{
	if (key_size - 1 < 16)
		return lookup_shorter(k, key, key_size, value, capacity, owner);
	if (key_size - 33 <= SHORT_KEY_MAX - 33)
		return lookup_longer(k, key, key_size, value, capacity, owner);
	return key_size - 1 < KREG_KEY_MAX ? lookup_long(k, key, key_size, value, capacity, owner)
					   : lookup_whole(k, key, key_size, value, capacity, owner);
}

/* The usual keys, of 17 to 32 bytes. */
#define LOOKUP_ABOVE_17(owner)                                                                     \
	lookup_by(k,                                                                               \
		  (struct lookup_class){ hash_17_to_32, copy_equals_16_to_32,                      \
					 lookup_sized_17_to_32 },                                  \
		  key, above, 17, value, capacity, owner)

static __attribute__((noinline)) ssize_t lookup_unowned(struct kreg *k, const void *key,
							size_t above, void *value, size_t capacity)
{
	if (caa_unlikely(above >= 16))
		return lookup_other(k, key, above + 17, value, capacity, NULL);
	return LOOKUP_ABOVE_17(NULL);
}

ssize_t kreg_lookup(struct kreg *k, const void *key, size_t key_size, void *value, size_t capacity,
		    struct kreg_owner *owner)
{
	/* One register for both the comparison and the size. */
	size_t above = key_size - 17;

	/* A bit that all of them have shows at once that none is NULL. */
	if (caa_unlikely(!((uintptr_t)k & (uintptr_t)key & (uintptr_t)value & (uintptr_t)owner))) {
		if (!k || !key || !value)
			return k && key && key_size && key_size <= KREG_KEY_MAX && !capacity
				       ? lookup_listed(k, key, key_size, value, capacity, owner)
				       : lookup_whole(k, key, key_size, value, capacity, owner);
		if (!owner)
			return lookup_unowned(k, key, above, value, capacity);
	}
	__asm__("" : "+r"(above));
	if (caa_unlikely(above >= 16))
		return lookup_other(k, key, above + 17, value, capacity, owner);
	return LOOKUP_ABOVE_17(owner);
}
