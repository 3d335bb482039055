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
	if (caa_unlikely(!owner))
		return;
	owner->token = token;
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
	memcpy(&owner->pid, &pid, sizeof(pid));
#else
	owner->pid = (pid_t)pid;
	owner->reserved = 0;
#endif
}

/*
 * Fills in @owner; false: it does not live. The pid is read first: the next holder of the seat
 * has a new life before it writes its own.
 */
static inline __attribute__((always_inline)) bool lookup_owner(const struct kreg *k, owner_t word,
							       struct kreg_owner *owner)
{
	uint64_t seat = owner_seat(word), life, pid;

	if (caa_likely(k->lives.facts)) {
		if (caa_unlikely(seat >= k->lives.seats))
			return false;
		life = life_load(&k->lives, seat);
		pid = life & LIFE_PID_MASK;
		/* The word of a seat that was never used has none. */
		if (caa_unlikely(!pid) || caa_unlikely(!life_word_is(life, word)))
			return false;
	} else {
		/* relaxed: a bound of this process's own, of rows that are reserved */
		if (caa_unlikely(seat >= load_operand(&k->segment.look.rows)))
			return false;
		/* ORD[lookup_owner:A] acquire: the pid, then the life; pairs with open_row:B */
		pid = load_acquire(&k->segment.rows[seat].who.pid);
		life = life_load(&k->lives, seat);
		if (caa_unlikely(!life_word_is(life, word)) || caa_unlikely(!(word >> 32)))
			return false;
	}
	lookup_fill(owner, word, pid);
	return true;
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
 * Whether @entry, to which a look has led, is the plain name of @key and its owner lives; fills in
 * @owner. To be checked by look_held() afterwards. A key of at most SHORT_KEY_MAX bytes lies in the
 * first line of any entry; @is_long: it may be longer, and the entry damaged.
 */
static inline __attribute__((always_inline)) bool
lookup_is_name(const struct kreg *k, const struct entry *entry,
	       bool (*equals)(const void *, const void *, size_t), bool is_long, const void *key,
	       size_t key_size, struct kreg_owner *owner)
{
	const uint64_t plain = ((uint64_t)ENTRY_NAME << ENTRY_KIND_SHIFT) + key_size;

	/* relaxed: behind the cell */
	if (caa_unlikely(load_operand(&entry->next) & REF_MARK))
		return false;
	/* ORD[lookup_is_name:A] acquire: as table_load:A; pairs with table_cas:A */
	fence_acquire();
	if (is_long &&
	    caa_unlikely(!entry_has_room(&k->segment, entry, ENTRY_HEAD + (uint32_t)key_size)))
		return false;
	if (caa_unlikely(!equals(entry->bytes, key, key_size)))
		return false;
	/* relaxed: behind the cell */
	if (caa_unlikely((uint16_t)load_operand(&entry->info) != (uint16_t)plain) &&
	    !lookup_is_remote(entry, key_size))
		return false;
	/* relaxed: behind the cell */
	return caa_likely(lookup_owner(k, load_relaxed(&entry->owner), owner));
}

/*
 * The value and the owner of @entry, if lookup_is_name(). @is_short: a value of 8 bytes ends in
 * the first line as well. -EAGAIN: it is not, or is not usual. @value is not NULL.
 */
static inline __attribute__((always_inline)) ssize_t
lookup_entry(const struct kreg *k, const struct entry *entry,
	     bool (*equals)(const void *, const void *, size_t), bool is_short, bool is_long,
	     const void *key, size_t key_size, void *value, size_t capacity,
	     struct kreg_owner *owner)
{
	uint64_t size;

	/* Before the value, so that nothing is copied of what a dead owner has left. */
	if (caa_unlikely(!lookup_is_name(k, entry, equals, is_long, key, key_size, owner)))
		return -EAGAIN;
	size = load_relaxed(&entry->info) >> ENTRY_VALUE_SIZE_SHIFT; /* relaxed: behind the cell */
	if (caa_likely(is_short && size == 8)) {
		if (caa_unlikely(capacity < 8))
			return -EAGAIN;
		copy_out(value, entry->bytes + ((key_size + 7) & ~(size_t)7), 8);
		return 8;
	}
	if (caa_unlikely(!lookup_value(&k->segment, entry, size, entry_head((uint32_t)key_size),
				       value, capacity)))
		return -EAGAIN;
	return (ssize_t)size;
}

#endif
