/* SPDX-License-Identifier: MIT */
/*
 * Lookups by a query, whose key is hashed already.
 *
 * Promises, needs and context as kreg_lookup().
 * Used by   lookup.c, read.c, many.c, health.c, mirror.c, await.c, claim.c, program_status.c.
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

/* Returns what it stores in out->size. -ENOENT, -EAGAIN, -EUCLEAN. */
ssize_t lookup_query(struct kreg *k, const struct query *q, struct kreg_found *out);

/*
 * The first in line for the name of @q, reserved entries included: its owner, and in
 * @found its place and kind. The entry that @found leads to may be overtaken. -ENOENT,
 * -EAGAIN, -EUCLEAN.
 */
int lookup_first(struct kreg *k, const struct query *q, struct found *found,
		 struct kreg_owner *owner);

#pragma GCC visibility pop

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
 * Copies a value of any size that is @head bytes into @entry, if it is not larger than
 * @capacity. False: it is too long for that, or leads out of its slab; ask the list.
 */
static inline __attribute__((always_inline)) bool lookup_value(const struct segment *s,
							       const struct entry *entry,
							       uint64_t size, uint32_t head,
							       void *value, size_t capacity)
{
	if (caa_unlikely(size + head > LINE_BYTES) &&
	    (size > COPY_SHORT_MAX || !entry_has_room(s, entry, head + (uint32_t)size)))
		return false;
	if (caa_likely(size <= capacity))
		copy_out_short(value, (const unsigned char *)entry + head, size);
	return true;
}

#endif
