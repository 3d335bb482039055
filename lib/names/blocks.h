/* SPDX-License-Identifier: MIT */
/*
 * The blocks of an entry: one for its head, its key and a small value, another for a
 * large value.
 *
 * Promises  a block is given back at once if it was never linked, and after a grace
 *           period if it was.
 * Needs     blocks_retire(): the entry is in no list.
 * Context   any thread, outside of sections: taking a block may sweep and wait for a
 *           grace period.
 * Used by   lib/.
 */
#ifndef KREG_LIB_BLOCKS_H
#define KREG_LIB_BLOCKS_H

#include "lib/handle/handle.h"
#include "shm/gift.h"
#include "shm/query.h"

#pragma GCC visibility push(hidden)

struct blocks {
	place_t entry;
	place_t value;         /* 0: behind the key */
	struct gift_made gift; /* gift.place is not 0: the entry is this one */
};

/* The content of an entry to be made. */
struct content {
	const void *value;
	uint32_t value_size;
	uint32_t kind; /* with flags */
	/* with ENTRY_REMOTE among the flags, otherwise 0: what the entry says of the other host */
	const struct entry_remote *remote;
	uint32_t remote_size; /* with the host */
};

/* KREG_REGISTER_REPLACEABLE and KREG_REGISTER_DROP among @flags, as an entry has them. */
static inline uint32_t flags_of_entry(uint32_t flags)
{
	return (flags & KREG_REGISTER_REPLACEABLE ? ENTRY_REPLACEABLE : 0) |
	       (flags & KREG_REGISTER_DROP ? ENTRY_DROP : 0);
}

/*
 * Takes and fills the blocks of an entry that belongs to the caller; with ENTRY_DROP or
 * ENTRY_GIFT among the flags, of a gift to itself, because another owner may end it. -ENOSPC, -EDQUOT,
 * -ENOMEM, -EUCLEAN; ENTRY_DROP: -EMSGSIZE.
 */
int blocks_make(struct kreg *k, const struct query *q, const struct content *content,
		struct blocks *out);

/*
 * The usual case of it: a name whose entry takes one line. The entry and its place; NULL:
 * blocks_make() decides.
 */
static inline __attribute__((always_inline)) struct entry *
blocks_make_small(struct kreg *k, const struct query *q, const struct content *content,
		  place_t *place)
{
	uint32_t head = entry_head(q->key_size);
	struct entry *entry;

	if (caa_unlikely(head + content->value_size > LINE_BYTES))
		return NULL;
	*place = heap_take_small(k->heap, k->number);
	if (caa_unlikely(!*place))
		return NULL;
	entry = segment_entry(&k->segment, *place);
	if (caa_unlikely(!entry)) {
		heap_return(k->heap, *place);
		return NULL;
	}
	copy_in_short(entry->bytes, q->key, q->key_size);
	copy_in_short((unsigned char *)entry + head, content->value, content->value_size);
	/* relaxed: private until it is linked */
	store_relaxed(&entry->owner, k->self.owner);
	store_relaxed(&entry->info, /* relaxed: as above */
		      entry_info(content->kind, 0, content->value_size, q->key_size));
	return entry;
}

/*
 * Makes a gift to @to with @content. If @to closes the registry before the gift is linked, the
 * gift belongs to nobody. -ENOSPC, -EDQUOT, -EMSGSIZE, -EOWNERDEAD, -EUCLEAN; -ESRCH: @to closes.
 */
int blocks_gift(struct kreg *k, owner_t to, const struct query *q, const struct content *content,
		struct gift_made *out);

/*
 * Sets @flags, which are ENTRY_REPLACEABLE or 0, of @blocks, which are not linked yet. False:
 * with ENTRY_DROP among the old flags or @flags these have to be made with @flags.
 */
bool blocks_set_flags(struct kreg *k, const struct blocks *blocks, uint32_t flags);

/*
 * Gives the entry at @place, which is not linked yet, the value of @from, which stays as it is
 * meanwhile: with the lock of its key held, so that no counter is added to. For calls that put
 * another entry in the place of the caller's own with the same value: a copy that was made
 * before, to know how much memory that takes, may be old. -EAGAIN: it has another size by now;
 * -EUCLEAN.
 */
int blocks_follow(struct kreg *k, place_t place, const struct found *from);

/* After @blocks were linked: they are the table's. */
void blocks_linked(struct kreg *k, struct blocks *blocks);

/*
 * Gives blocks back at once; retires @place, an entry of @info, which is reclaimed when no
 * thread can be reading it any longer. A place may be 0.
 */
void blocks_return(struct kreg *k, const struct blocks *blocks);
void blocks_retire_all(struct kreg *k, const struct writer *w, place_t place, uint64_t info);

/* A value that lies elsewhere, or a gift. */
#define BLOCKS_APART                                                                               \
	((uint64_t)PLACE_MAX << ENTRY_VALUE_PLACE_SHIFT | (uint64_t)ENTRY_GIFT << ENTRY_KIND_SHIFT)

static inline void blocks_retire(struct kreg *k, const struct writer *w, place_t place,
				 uint64_t info)
{
	if (caa_likely(place && !(info & BLOCKS_APART)))
		heap_retire(k->heap, place, place);
	else
		blocks_retire_all(k, w, place, info);
}

#pragma GCC visibility pop

#endif
