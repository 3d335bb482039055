/* SPDX-License-Identifier: MIT */
/*
 * Lookups by a query, whose key is hashed already.
 *
 * Promises, needs and context as kreg_lookup().
 * Used by   lookup.c, read.c, many.c, health.c, mirror.c, await.c, claim.c, program_status.c,
 *           change_find.c.
 */
#ifndef KREG_LIB_LOOKUP_H
#define KREG_LIB_LOOKUP_H

#include "lib/handle/handle.h"
#include "shm/look.h"
#include "shm/table_search.h"

#pragma GCC visibility push(hidden)

/*
 * One search through all partitions. Call inside of a section, or of a peek that is
 * checked afterwards. -ENOENT, -EUCLEAN.
 */
int lookup_find(struct kreg *k, const struct query *q, struct found *found);

/* Returns what it stores in out->size. -ENOENT, -ERANGE with the owner, -EAGAIN, -EUCLEAN. */
ssize_t lookup_query(struct kreg *k, const struct query *q, struct kreg_found *out);

/*
 * The first in line for the name of @q, reserved entries included: its owner, and in
 * @found its place and kind. The entry that @found leads to may be overtaken. -ENOENT,
 * -EAGAIN, -EUCLEAN.
 */
int lookup_first(struct kreg *k, const struct query *q, struct found *found,
		 struct kreg_owner *owner);

/*
 * Says which argument of lookup_is_wrong() it is, in the call @function, if the program has made no
 * other one, whose buffer is named @buffer. -EINVAL.
 */
int lookup_refuse(const struct kreg *k, const char *function, const void *key, size_t key_size,
		  const char *buffer) __attribute__((cold, noinline));

#pragma GCC visibility pop

/* Whether a lookup refuses its arguments. */
static inline bool lookup_is_wrong(const struct kreg *k, const void *key, size_t key_size,
				   const void *value, size_t capacity)
{
	return caa_unlikely(!k || !key || !key_size || (!value && capacity) ||
			    (key_size == KREG_STRING && !*(const char *)key));
}

/*
 * Copies a value of any size that is @head bytes into @entry, unless @value is NULL. False: it
 * is too long for that or for @capacity, or leads out of its slab; ask the list.
 */
static inline __attribute__((always_inline)) bool lookup_value(const struct segment *s,
							       const struct entry *entry,
							       uint64_t size, uint32_t head,
							       void *value, size_t capacity)
{
	if (caa_unlikely(size + head > LINE_BYTES) &&
	    (size > COPY_SHORT_MAX || !entry_has_room(s, entry, head + (uint32_t)size)))
		return false;
	if (caa_unlikely(size > capacity))
		return !value;
	copy_out_short(value, (const unsigned char *)entry + head, size);
	return true;
}

/* On x86 as one word. */
static inline __attribute__((always_inline)) void lookup_fill(struct kreg_owner *owner,
							      owner_t token, uint64_t pid)
{
	owner->token = token;
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
	memcpy(&owner->pid, &pid, sizeof(pid));
#else
	owner->pid = (pid_t)pid;
	owner->reserved = 0;
#endif
}

/*
 * As life_word_is(), in one register: the bits are moved to the lower end, so that what is compared
 * there fits into the instruction.
 */
static inline __attribute__((always_inline)) bool lookup_is_life(uint64_t life, owner_t word)
{
	uint64_t differ = (life ^ word) >> LIFE_OVER_BIT;

	/* The compiler would move the constant to the other end. */
	__asm__("" : "+r"(differ));
	/* All but the bit above LIFE_OVER. */
	return !(differ & ~2ull);
}

/*
 * Whether the owner @word lives, and its *pid, under the guard and in the fallback. The pid is read
 * first: the next holder of the seat has a new life before it writes its own. A seat that was never
 * used, which an incarnation of 0 would match, has none: neither in its word nor in its row.
 */
static inline __attribute__((always_inline)) bool lookup_lives_guarded(const struct kreg *k,
								       owner_t word, uint64_t *pid)
{
	uint64_t life = life_load(&k->lives, owner_seat(word));

	*pid = life & LIFE_PID_MASK;
	return caa_likely(*pid) && caa_likely(lookup_is_life(life, word));
}

static inline __attribute__((always_inline)) bool lookup_lives_robust(const struct kreg *k,
								      owner_t word, uint64_t *pid)
{
	/* In one register, which leads to the row and then to the word. */
	uint64_t at = owner_seat(word) * sizeof(struct row);
	const struct row *row;
	const uint64_t *life;

	__asm__("" : "+r"(at));
	row = (const struct row *)((const char *)k->segment.rows + at);
	/* ORD[lookup_lives_robust:A] acquire: the pid, then the life; pairs with row_open:B */
	*pid = load_acquire(&row->who.pid);
	at /= sizeof(struct row) / sizeof(uint64_t);
	life = (const uint64_t *)((const char *)k->lives.words + at);
	/* ORD[lookup_lives_robust:B] acquire: as life_look:A; pairs with kernel handle_futex_death */
	return caa_likely(*pid) && caa_likely(lookup_is_life(load_acquire(life), word));
}

/* How the life of an owner can be looked at; LOOKUP_NOT also where it is beyond what may be read. */
enum lookup_lives { LOOKUP_NOT, LOOKUP_ROBUST, LOOKUP_GUARDED };

static inline __attribute__((always_inline)) enum lookup_lives lookup_lives_in(const struct kreg *k,
									       owner_t word)
{
	/* Each bound is 0 in the other mode. relaxed: a bound of this process's own */
	if (caa_likely(owner_seat(word) < load_operand(&k->segment.look.rows)))
		return LOOKUP_ROBUST;
	return caa_likely(owner_seat(word) < k->lives.guarded) ? LOOKUP_GUARDED : LOOKUP_NOT;
}

static inline __attribute__((always_inline)) bool lookup_lives(const struct kreg *k, owner_t word,
							       uint64_t *pid)
{
	enum lookup_lives in = lookup_lives_in(k, word);

	if (in == LOOKUP_ROBUST)
		return lookup_lives_robust(k, word, pid);
	return in == LOOKUP_GUARDED && lookup_lives_guarded(k, word, pid);
}

/*
 * The same of a name of another host. Entry and size go through registers of their own, so that the
 * usual case, which compares in memory, loads nothing for this one.
 */
static inline __attribute__((always_inline)) bool lookup_is_remote(const struct entry *entry,
								   size_t key_size)
{
	uint64_t size = key_size;

	__asm__("" : "+r"(size), "+r"(entry));
	size += (uint64_t)(ENTRY_NAME | ENTRY_REMOTE) << ENTRY_KIND_SHIFT;
	/* relaxed: behind the cell */
	return (uint16_t)load_operand(&entry->info) == (uint16_t)size;
}

/*
 * Whether @entry, to which a look has led, has no mark and the key @key. A key of at most
 * SHORT_KEY_MAX bytes lies in the first line of any entry; @is_long: it may be longer, and the entry
 * damaged.
 */
static inline __attribute__((always_inline)) bool
lookup_has_key(const struct kreg *k, const struct entry *entry,
	       bool (*equals)(const void *, const void *, size_t), bool is_long, const void *key,
	       size_t key_size)
{
	/* relaxed: behind the cell */
	if (caa_unlikely(load_operand(&entry->next) & REF_MARK))
		return false;
	/* ORD[lookup_has_key:A] acquire: as table_load:A; pairs with table_cas:A */
	fence_acquire();
	if (is_long &&
	    caa_unlikely(!entry_has_room(&k->segment, entry, ENTRY_HEAD + (uint32_t)key_size)))
		return false;
	return caa_likely(equals(entry->bytes, key, key_size));
}

/*
 * Whether it is the plain name of @key besides, and its owner lives; fills in @owner, which may be
 * NULL. To be checked by look_held() afterwards.
 */
static inline __attribute__((always_inline)) bool
lookup_is_name(const struct kreg *k, const struct entry *entry,
	       bool (*equals)(const void *, const void *, size_t), bool is_long, const void *key,
	       size_t key_size, struct kreg_owner *owner)
{
	const uint64_t plain = ((uint64_t)ENTRY_NAME << ENTRY_KIND_SHIFT) + key_size;
	uint64_t pid;
	owner_t word;

	if (caa_unlikely(!lookup_has_key(k, entry, equals, is_long, key, key_size)))
		return false;
	/* relaxed: behind the cell */
	if (caa_unlikely((uint16_t)load_operand(&entry->info) != (uint16_t)plain) &&
	    !lookup_is_remote(entry, key_size))
		return false;
	word = load_relaxed(&entry->owner); /* relaxed: behind the cell */
	if (caa_unlikely(!lookup_lives(k, word, &pid)))
		return false;
	if (caa_likely(owner))
		lookup_fill(owner, word, pid);
	return true;
}

/*
 * The value and the owner of @entry, if lookup_is_name(). -EAGAIN: it is not, or is not usual.
 * @value is not NULL.
 */
static inline __attribute__((always_inline)) ssize_t
lookup_entry(const struct kreg *k, const struct entry *entry,
	     bool (*equals)(const void *, const void *, size_t), bool is_long, const void *key,
	     size_t key_size, void *value, size_t capacity, struct kreg_owner *owner)
{
	uint64_t size;

	/* Before the value, so that nothing is copied of what a dead owner has left. */
	if (caa_unlikely(!lookup_is_name(k, entry, equals, is_long, key, key_size, owner)))
		return -EAGAIN;
	size = load_relaxed(&entry->info) >> ENTRY_VALUE_SIZE_SHIFT; /* relaxed: behind the cell */
	if (caa_unlikely(!lookup_value(&k->segment, entry, size, entry_head((uint32_t)key_size),
				       value, capacity)))
		return -EAGAIN;
	return (ssize_t)size;
}

/*
 * Whether @entry is of the most usual form: a plain name of this host with a key of @key_size, at
 * most 32, and a value of 8 bytes behind it, which both lie in the entry's line. One comparison of
 * the whole word.
 */
static inline __attribute__((always_inline)) bool lookup_is_eight(const struct entry *entry,
								  size_t key_size)
{
	/* relaxed: behind the cell */
	return caa_likely(load_operand(&entry->info) == entry_info(ENTRY_NAME, 0, 8, 0) + key_size);
}

/*
 * The value of lookup_is_eight(), put aside: it is not the caller's before the owner was seen alive.
 */
static inline __attribute__((always_inline)) look_aside lookup_eight(const struct entry *entry,
								     size_t key_size)
{
	return look_copy(entry->bytes + ((key_size + 7) & ~(size_t)7));
}

#endif
