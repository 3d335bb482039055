/* SPDX-License-Identifier: MIT */
/*
 * Gifts: entries that one owner has made for another, in a slab of their own.
 *
 * Promises  a name goes from owner to owner by the one CAS that replaces its entry, and the memory comes back
 *           when the gift is over, whoever is killed, stopped or calls exec where; a gift counts as soon as it
 *           is linked and as long as its owner lives.
 * Needs     gift_linked(), gift_sweep(): a write section.
 * Context   any thread; lock-free. gift_make() may reserve memory, by madvise(2).
 * Used by   sweep, in_use, lib/.
 */
#ifndef KREG_SHM_GIFT_H
#define KREG_SHM_GIFT_H

#include "shm/heap.h"
#include "shm/table.h"

/* So much an entry that is given may take, with its head. */
#define GIFT_BYTES_MAX SLAB_BYTES

/* A gift as its maker knows it. */
struct gift_made {
	place_t place;
	uint64_t word; /* of its slab */
};

/* An entry of @to's in a slab of its own, not linked. -ENOSPC; -EMSGSIZE; -EOWNERDEAD. */
int gift_make(const struct segment *s, const struct life_table *lives, const struct life_self *self,
	      owner_t to, const struct query *q, uint32_t kind, const void *value,
	      uint32_t value_size, struct gift_made *out);

/* By its maker: it was never linked; it is linked. */
void gift_drop(const struct segment *s, const struct gift_made *gift);
void gift_linked(const struct segment *s, const struct gift_made *gift);

/* If the gift in @slab, or what was one, is over, takes it out of the list and retires the slab. */
bool gift_sweep(const struct writer *w, uint32_t slab);

/* Looks whether there is a gift left, so that gift_is_any() says so. Needs a segment that can be written. */
void gift_recount(const struct segment *s, const struct life_table *lives);

/*
 * How many gifts living owners have, or @owner alone if that is not 0. -EUCLEAN, -ENOMEM; -EAGAIN: it was overtaken
 * over and over.
 */
int64_t gift_sum(const struct segment *s, const struct life_table *lives, owner_t owner);

/* Whose the gift in @slab is, unless it is unregistered: 0 then, or if there is none. */
owner_t gift_owner(const struct segment *s, uint32_t slab);

/* The place of the gift in @slab, or 0. */
place_t gift_in(const struct segment *s, uint32_t slab);

/* Whether there may be any. */
static inline bool gift_is_any(const struct segment *s)
{
	uint64_t gifts = load_relaxed(&s->header->gifts); /* relaxed: raised before the linking */

	return caa_unlikely(gifts >> 32 != (uint32_t)gifts);
}

#endif
