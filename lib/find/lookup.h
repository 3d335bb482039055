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
 * Copies the value of @found, an entry of a key of @key_size whose value is behind the key,
 * and checks the peek that began in @epoch. -EAGAIN: use lookup_query().
 */
static inline __attribute__((always_inline)) ssize_t
lookup_copy(struct kreg *k, const struct found *found, uint32_t key_size, uint64_t epoch,
	    void *value, size_t capacity, struct kreg_owner *owner)
{
	const struct segment_header *header = k->segment.header;
	uint32_t size = entry_value_size(found->info);
	uint32_t offset = entry_head(key_size);

	if (caa_unlikely(size + offset > LINE_BYTES) &&
	    (size > COPY_SHORT_MAX || !entry_has_room(&k->segment, found->entry, offset + size)))
		return -EAGAIN;
	if (caa_likely(size <= capacity))
		copy_out_short(value, (const unsigned char *)found->entry + offset, size);
	if (caa_unlikely(!grace_peek_held_in(header, epoch)))
		return -EAGAIN;
	if (owner && !handle_owner(k, found->owner, found->life, owner))
		return -EAGAIN;
	return size;
}

/*
 * The rest of a lookup by the index, which has led to @entry in a peek that began in
 * @epoch. -EAGAIN: use lookup_query().
 */
static inline __attribute__((always_inline)) ssize_t
lookup_entry(struct kreg *k, const struct query *q, struct entry *entry, uint64_t epoch,
	     void *value, size_t capacity, struct kreg_owner *owner)
{
	struct found found;
	ref_t next = table_load(&entry->next);

	found.info = load_relaxed(&entry->info); /* relaxed: behind the cell */
	if (caa_unlikely(!entry_is_in_line(found.info, q->key_size) ||
			 !copy_equals(entry->bytes, q->key, q->key_size) ||
			 !name_is_live(&k->lives, entry, next, &found)))
		return -EAGAIN;
	return lookup_copy(k, &found, q->key_size, epoch, value, capacity, owner);
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
	const struct segment_header *header = k->segment.header;
	uint64_t epoch = grace_peek(&k->segment);
	struct entry *entry;
	place_t place;
	int err = index_probe(&k->segment, q, &entry, &place);

	if (err == -ENOENT && caa_likely(grace_peek_held_in(header, epoch)))
		return -ENOENT;
	if (caa_unlikely(err))
		return -EAGAIN;
	return lookup_entry(k, q, entry, epoch, value, capacity, owner);
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

#endif
