/* SPDX-License-Identifier: MIT */
/*
 * A lookup whose key has been hashed already.
 *
 * Promises, needs and context as kreg_lookup().
 * Used by   lookup.c, read.c, many.c, health.c, mirror.c, and whoever waits for a name.
 */
#ifndef KREG_LIB_LOOKUP_H
#define KREG_LIB_LOOKUP_H

#include "lib/handle/handle.h"
#include "shm/table_search.h"

#pragma GCC visibility push(hidden)

/* One search, in all partitions; inside of a section, or of a peek that is checked afterwards. -ENOENT, -EUCLEAN. */
int lookup_find(struct kreg *k, const struct query *q, struct found *found);

/* out->size as the result. -ENOENT, -EAGAIN, -EUCLEAN. */
ssize_t lookup_query(struct kreg *k, const struct query *q, struct kreg_found *out);

/*
 * The first in line for the name of @q, be it reserved: its owner, and in @found where it is and what kind
 * it has. What @found leads to may be overtaken. -ENOENT, -EAGAIN, -EUCLEAN.
 */
int lookup_first(struct kreg *k, const struct query *q, struct found *found,
		 struct kreg_owner *owner);

#pragma GCC visibility pop

/*
 * The same for what is usual, in line; @owner may be NULL. -EAGAIN: ask lookup_query(). Of a registry with
 * partitions, -ENOENT is of the first one alone.
 */
static inline __attribute__((always_inline)) ssize_t lookup_short(struct kreg *k,
								  const struct query *q,
								  void *value, size_t capacity,
								  struct kreg_owner *owner)
{
	uint64_t epoch = grace_peek(&k->segment);
	uint32_t size, offset;
	struct found found;
	int err = table_find_short(&k->segment, &k->lives, q, &found);

	if (err)
		return caa_likely(grace_peek_held(&k->segment, epoch)) ? err : -EAGAIN;
	size = entry_value_size(found.info);
	offset = entry_head(q->key_size);
	if (caa_unlikely(size > LINE_BYTES - offset) &&
	    !entry_has_room(&k->segment, found.entry, offset + size))
		return -EAGAIN;
	if (caa_likely(size <= capacity))
		copy_out_short(value, (const unsigned char *)found.entry + offset, size);
	if (caa_unlikely(!grace_peek_held(&k->segment, epoch)))
		return -EAGAIN;
	if (owner && !handle_owner(k, found.owner, found.life, owner))
		return -EAGAIN;
	return size;
}

#endif
