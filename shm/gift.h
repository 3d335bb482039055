/* SPDX-License-Identifier: MIT */
/*
 * Gifts: entries that one owner has made for another, in a slab of their own.
 *
 * Promises  a name goes from owner to owner by the one CAS that replaces its entry, and the memory follows
 *           whoever is killed where; a gift counts as soon as it is linked and as long as its owner lives.
 * Needs     a write section, but for gift_make() and gift_sum().
 * Context   any thread; lock-free. gift_make() may call fallocate().
 * Used by   sweep, in_use, lib/.
 */
#ifndef KREG_SHM_GIFT_H
#define KREG_SHM_GIFT_H

#include "shm/heap.h"
#include "shm/table.h"

/* So much an entry that is given may take, with its head. */
#define GIFT_BYTES_MAX SLAB_BYTES

/* An entry of @to's in a slab of @self's, not linked. -ENOSPC; -EMSGSIZE. */
int gift_make(const struct segment *s, const struct life_table *lives, owner_t self, owner_t to,
	      const struct query *q, uint32_t kind, const void *value, uint32_t value_size,
	      place_t *out);

/* It was never linked. */
void gift_drop(const struct segment *s, place_t place);

/* It is linked: its slab goes from @from to @to. */
void gift_pass(const struct writer *w, place_t place, owner_t from, owner_t to);

/* It is in no list any more. @owner: whose it was. */
void gift_retire(const struct writer *w, place_t place, owner_t owner);

/* A slab of the dead: if the gift in it is linked and its owner alive, the slab goes to him. */
bool gift_rescue(const struct writer *w, uint32_t slab, uint64_t seen);

/* How many gifts living owners have, or @owner alone if that is not 0. -EUCLEAN, -EAGAIN. */
int64_t gift_sum(const struct segment *s, const struct life_table *lives, owner_t owner);

/* Whose the gift in @slab is, unless it is unregistered: 0 then, or if there is none. */
owner_t gift_owner(const struct segment *s, uint32_t slab);

/* The place of the gift in @slab, or 0. */
place_t gift_in(const struct segment *s, uint32_t slab);

/* Whether there may be any. */
static inline bool gift_is_any(const struct segment *s)
{
	return caa_unlikely(
		load_relaxed(&s->header->gifts)); /* relaxed: raised before the linking */
}

#endif
