/* SPDX-License-Identifier: MIT */
/*
 * References: a lookup that goes to the entry that the last one has found, without a search.
 *
 * Promises  as kreg_lookup(): the answer was right at some moment of the call; it ends,
 *           whatever the memory holds, and reads nothing outside of what is reserved.
 * Needs     one thread at a time for each reference; it is private memory.
 * Context   a read-only handle, a child of fork(), a signal handler with a reference of its own.
 *
 * A search by the index that has found the first of a key (a settled cell, index.h) leaves in
 * the reference the epoch E that it began in, the entry, its owner's life word, and where its
 * value is. The next lookup
 *
 *   1 loads the epoch          E, or E + 1: else the block may be in use for something else
 *   2 loads the entry's link   no mark
 *   3 loads the life word      that life goes on
 *   4 copies the value
 *   5 loads the epoch          E, or E + 1
 *
 * Why what 2 to 4 have read is that entry: it was seen without a mark after E was loaded. It
 * is marked before its block is retired, so it is retired in E at the earliest, and its block
 * is not used again before E + 2. So 5 shows it, as for a lookup that began in E and has taken
 * all the time since then; the pairs are those of grace_peek() and grace_peek_held(). 1 is
 * there for memory that was given back to the system: that is not even touched.
 *
 * Why the entry holds the name when 2 loads its link: its cell was settled, so nothing comes
 * in front of it until its end (index.h), which is its mark or that of its owner's life, and 3
 * comes after 2. Key, size and place of an entry are constant, so they need not be
 * compared again; the value of a counter changes where it is. A name that is replaceable or
 * reserved, or was given, has no settled cell, and is searched for each time.
 *
 * If 1 finds E + 1, the entry was seen without a mark after that was loaded, and the reference
 * remembers E + 1. So one that is used in every epoch never searches. One that was idle for
 * two epochs does, but still knows the hash.
 *
 * A process that is killed, is stopped or calls exec anywhere in here leaves nothing: nothing
 * is written but the reference. A child of fork() has a copy of it, and of the mapping that it
 * leads into. The number of the handle tells what is remembered about one that is closed: it
 * is never used again.
 */
#include <errno.h>
#include <string.h>

#include "lib/find/found.h"
#include "lib/find/lookup.h"

enum seen {
	SEEN_NUMBER, /* of the handle, and what the value is; 0: nothing is remembered */
	SEEN_EPOCH,
	SEEN_ENTRY, /* its address in this process */
	SEEN_LIFE,  /* that of its owner's life word */
	SEEN_WORD,  /* what that held */
	SEEN_VALUE, /* {pid, 0, offset / 8, size} */
};

_Static_assert(sizeof(((struct kreg_ref *)0)->remembered) == (SEEN_VALUE + 1) * sizeof(uint64_t),
	       "all are used");
_Static_assert(sizeof(struct kreg_ref) == 64, "programs have it");

#define VALUE_PID_SHIFT 32
#define VALUE_OFFSET_SHIFT 8
/* Behind the key, if it is not longer. */
#define VALUE_SHORT 0xffu

/*
 * remembered[SEEN_NUMBER]: none of them for a value of 8 bytes behind the key, so that one
 * comparison is enough for the most usual case; short ones of other sizes; all others, and where
 * only the hash is remembered.
 */
#define NUMBER_SIZED (1ull << 63)
#define NUMBER_OTHER (1ull << 62)
#define NUMBER_FLAGS (NUMBER_SIZED | NUMBER_OTHER)

static struct entry *seen_entry(const struct kreg_ref *ref)
{
	return (struct entry *)ref->remembered[SEEN_ENTRY];
}

static void remember_hash(struct kreg *k, struct kreg_ref *ref, const struct query *q)
{
	ref->reserved = q->hash;
	ref->remembered[SEEN_NUMBER] = k->thread_number | NUMBER_OTHER;
	ref->remembered[SEEN_ENTRY] = 0;
}

/* @found was seen without a mark, and alive, after @epoch was loaded. */
static void remember(struct kreg *k, struct kreg_ref *ref, uint64_t epoch,
		     const struct found *found, pid_t pid)
{
	uint32_t size = entry_value_size(found->info);
	uint32_t at = entry_head(entry_key_size(found->info)) / 8;
	uint64_t number = k->thread_number;

	if (entry_value_place(found->info) || size > VALUE_SHORT)
		number |= NUMBER_OTHER;
	else if (size != 8)
		number |= NUMBER_SIZED;
	ref->remembered[SEEN_NUMBER] = number;
	ref->remembered[SEEN_EPOCH] = epoch;
	ref->remembered[SEEN_ENTRY] = (uint64_t)found->entry;
	ref->remembered[SEEN_LIFE] = (uint64_t)&k->lives.words[owner_seat(found->owner)];
	ref->remembered[SEEN_WORD] = found->life;
	ref->remembered[SEEN_VALUE] = (uint64_t)(uint32_t)pid << VALUE_PID_SHIFT |
				      at << VALUE_OFFSET_SHIFT | (size & VALUE_SHORT);
}

/*
 * Copies the value and the owner of @found, which was searched for in a peek that began in
 * @began. -EAGAIN: that does not hold, or the owner has died.
 */
static ssize_t copy_found(struct kreg *k, const struct found *found, uint64_t began,
			  struct kreg_found *out)
{
	ssize_t got = found_value(k, found, out->value, out->capacity);

	if (!grace_peek_held(&k->segment, began) ||
	    !handle_owner(k, found->owner, found->life, &out->owner))
		return -EAGAIN;
	return got;
}

/* The entry that is remembered, in a later epoch or with a life word that has changed. */
static ssize_t look_again(struct kreg *k, struct kreg_ref *ref, struct kreg_found *out)
{
	uint64_t epoch = grace_peek(&k->segment), began = ref->remembered[SEEN_EPOCH];
	struct entry *entry = seen_entry(ref);
	struct found found;
	ssize_t got;
	ref_t next;

	if (!entry || epoch - began >= 2)
		return -EAGAIN;
	next = table_load(&entry->next);
	found.info = load_relaxed(&entry->info); /* relaxed: as the value, before 5 */
	if (!name_is_live(&k->lives, entry, next, &found))
		return -EAGAIN;
	got = copy_found(k, &found, began, out);
	if (got >= 0 && (epoch != began || found.life != ref->remembered[SEEN_WORD]))
		remember(k, ref, epoch, &found, out->owner.pid);
	return got;
}

/* Only what a settled cell has led to is remembered. */
static ssize_t search(struct kreg *k, struct kreg_ref *ref, const struct query *q,
		      struct kreg_found *out)
{
	uint64_t epoch = grace_peek(&k->segment);
	struct found found;
	ssize_t got = index_find(&k->segment, &k->lives, q, &found);

	if (!got) {
		got = copy_found(k, &found, epoch, out);
		if (got >= 0)
			remember(k, ref, epoch, &found, out->owner.pid);
		if (got != -EAGAIN)
			return got;
	}
	if (got == -ENOENT && grace_peek_held(&k->segment, epoch))
		return got;
	return lookup_query(k, q, out);
}

/* Says which argument is refused. */
static __attribute__((cold, noinline)) int ref_refuse(const struct kreg *k,
						      const struct kreg_ref *ref)
{
	const char *sentence[] = { K_IS_NULL, NULL };
	size_t key_size = ref ? ref->key_size : 0;

	if (k && !ref)
		sentence[0] = "ref is NULL";
	else if (k && !ref->key)
		sentence[0] = "ref->key is NULL";
	else if (k &&
		 (!key_size || (key_size == (uint32_t)KREG_STRING && !*(const char *)ref->key)))
		sentence[0] = "ref->key is empty: a key has 1 to 255 bytes";
	else if (k)
		sentence[0] =
			"value is NULL, but capacity is not 0: pass a buffer, or 0 to ask for "
			"the size";
	return kreg_inner_refuse(k, call_of("kreg_ref_lookup"), sentence);
}

/* All that is not the usual case. */
static __attribute__((noinline)) ssize_t ref_unusual(struct kreg *k, struct kreg_ref *ref,
						     void *value, size_t capacity,
						     struct kreg_owner *owner)
{
	struct kreg_found out = { .value = value, .capacity = capacity };
	ssize_t got = -EAGAIN;
	size_t key_size;
	struct query q;
	int err;

	if (!k || !ref || (!value && capacity))
		return ref_refuse(k, ref);
	key_size = ref->key_size == (uint32_t)KREG_STRING ? KREG_STRING : ref->key_size;
	err = key_check(ref->key, &key_size);
	if (err)
		return err == -EINVAL ? ref_refuse(k, ref) : err;
	if ((ref->remembered[SEEN_NUMBER] & ~NUMBER_FLAGS) == k->thread_number) {
		q = table_query_hashed(ref->reserved, ref->key, key_size, KIND_OF(ENTRY_NAME));
		got = look_again(k, ref, &out);
	} else {
		q = table_query(&k->segment, ref->key, key_size);
		remember_hash(k, ref, &q);
	}
	if (got == -EAGAIN)
		got = search(k, ref, &q, &out);
	if (found_is(got) && owner)
		*owner = out.owner;
	return got;
}

/*
 * The usual case: the epoch and the life word are the same. With @eight for values of 8 bytes
 * only, which takes few registers. -EAGAIN: it is another case.
 */
static inline __attribute__((always_inline)) ssize_t ref_usual(struct kreg *k, struct kreg_ref *ref,
							       void *value, size_t capacity,
							       struct kreg_owner *owner, bool eight)
{
	const struct segment_header *header = k->segment.header;
	const uint64_t *life;
	struct entry *entry;
	const char *from;
	uint32_t size;

	if (caa_unlikely(grace_peek(&k->segment) != ref->remembered[SEEN_EPOCH]))
		return -EAGAIN;
	entry = seen_entry(ref);
	if (caa_unlikely(table_load(&entry->next) & REF_MARK))
		return -EAGAIN;
	life = (const uint64_t *)ref->remembered[SEEN_LIFE];
	/*
	 * ORD[ref_usual:A] acquire: the end of a life, then what its heir makes of what it
	 * left, as life_look:A; pairs with kernel sched_process_exit and handle_futex_death
	 */
	if (caa_unlikely(load_acquire(life) != ref->remembered[SEEN_WORD]))
		return -EAGAIN;
	size = (unsigned char)ref->remembered[SEEN_VALUE];
	from = (const char *)entry +
	       (unsigned char)(ref->remembered[SEEN_VALUE] >> VALUE_OFFSET_SHIFT) * 8ul;
	if (eight)
		copy_out_short(value, from, 8);
	else if (size <= capacity)
		copy_out_short(value, from, size);
	else if (value)
		return -EAGAIN;
	if (owner) {
		owner->token = load_relaxed(&entry->owner); /* relaxed: as the value, before 5 */
		owner->pid = (pid_t)(ref->remembered[SEEN_VALUE] >> VALUE_PID_SHIFT);
		owner->reserved = 0;
	}
	/*
	 * ORD[ref_usual:B] acquire: what was copied, then the epoch, as grace_peek_held:A;
	 * pairs with grace_advance:C
	 */
	fence_acquire();
	/* relaxed: behind the fence */
	if (caa_unlikely(load_relaxed(&header->epoch) != ref->remembered[SEEN_EPOCH]))
		return -EAGAIN;
	return eight ? 8 : (ssize_t)size;
}

/* Values of other sizes, and calls that want none. */
static __attribute__((noinline)) ssize_t ref_sized(struct kreg *k, struct kreg_ref *ref,
						   void *value, size_t capacity,
						   struct kreg_owner *owner)
{
	ssize_t got = -EAGAIN;

	if (caa_likely(ref && (value || !capacity) &&
		       (ref->remembered[SEEN_NUMBER] & ~NUMBER_SIZED) == k->thread_number))
		got = ref_usual(k, ref, value, capacity, owner, false);
	return caa_likely(got != -EAGAIN) ? got : ref_unusual(k, ref, value, capacity, owner);
}

ssize_t kreg_ref_lookup(struct kreg *k, struct kreg_ref *ref, void *value, size_t capacity,
			struct kreg_owner *owner)
{
	ssize_t got;

	/* Not in one condition, of which the compiler would make more instructions. */
	if (caa_unlikely(!k))
		return ref_unusual(k, ref, value, capacity, owner);
	if (caa_unlikely(capacity < 8))
		return ref_sized(k, ref, value, capacity, owner);
	if (caa_unlikely(!ref))
		return ref_unusual(k, ref, value, capacity, owner);
	if (caa_unlikely(ref->remembered[SEEN_NUMBER] != k->thread_number))
		return ref_sized(k, ref, value, capacity, owner);
	if (caa_unlikely(!value))
		return ref_unusual(k, ref, value, capacity, owner);
	got = ref_usual(k, ref, value, capacity, owner, true);
	return caa_likely(got != -EAGAIN) ? got : ref_unusual(k, ref, value, capacity, owner);
}
