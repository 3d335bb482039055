/* SPDX-License-Identifier: MIT */
/*
 * Gifts: entries that one owner creates on behalf of another.
 *
 * An entry normally lives in memory owned by its registrant and is reclaimed when that
 * dies. A gift outlives its maker and belongs to another owner, so it gets a slab of its
 * own, which is unowned, and more of them if its value is large.
 *
 * Promises  a name passes from owner to owner by the one CAS that replaces its entry; its
 *           memory comes back when the gift is over, whichever process is killed, stopped
 *           or calls exec at whatever step; a gift counts from its linking until its
 *           owner dies.
 * Needs     gift_linked(), gift_sweep(): a write section.
 * Context   any thread; lock-free. gift_make() may reserve memory, by madvise(2).
 * Used by   sweep, in_use, lib/.
 */
#ifndef KREG_SHM_GIFT_H
#define KREG_SHM_GIFT_H

#include "shm/heap.h"
#include "shm/table.h"

/* The size of the largest gift, with its head. */
#define GIFT_BYTES_MAX (SLAB_RUN * SLAB_BYTES)

/*
 * A gift as its maker knows it. Private: from shared memory another process could change
 * it.
 */
struct gift_made {
	place_t place;
	/* of which the first has the entry */
	uint32_t slabs;
	/*
	 * The slab's word, with this gift's ticket: the maker's later CASes are from it,
	 * so they cannot hit another use of the slab.
	 */
	uint64_t word;
};

/* How many slabs a gift takes, SLAB_GIFT_MAX at most. */
uint32_t gift_slabs(uint32_t key_size, uint32_t value_size);

/*
 * Makes an entry of @to's in a slab of its own, not linked. Afterwards the caller links
 * it and calls gift_linked(), or calls gift_drop(). If it is killed or calls exec before,
 * a sweep does the rest. -ENOSPC; -EMSGSIZE; -EOWNERDEAD.
 */
int gift_make(const struct segment *s, const struct life_table *lives, const struct life_self *self,
	      owner_t to, const struct query *q, uint32_t kind, const void *value,
	      uint32_t value_size, struct gift_made *out);

/*
 * By its maker: gift_drop() if it was never linked, gift_linked() once it is. Neither is
 * needed for correctness: a sweep finds out from the list, at the cost of a search.
 */
void gift_drop(const struct segment *s, const struct gift_made *gift);
void gift_linked(const struct segment *s, const struct gift_made *gift);

/*
 * If the gift in @slab is over, takes it out of the list and retires the slab; if the value in
 * @slab is that of no gift any more, retires the slab. False: it is in use, or not a gift, or
 * another process was first.
 */
bool gift_sweep(const struct writer *w, uint32_t slab);

/*
 * By an owner that closes, after row_close(), in a write section: the owner of what was made for
 * it becomes nobody, linked or not, for good. To all others that is as if it had died. The caller
 * tells listeners and waiters.
 */
void gift_refuse_all(const struct writer *w);

/*
 * Looks whether any gift is left, so that gift_is_any() is false afterwards if not. Needs
 * a segment that can be written.
 */
void gift_recount(const struct segment *s, const struct life_table *lives);

/*
 * The number of gifts that living owners have, or of those of @owner if that is not 0.
 * -EUCLEAN, -ENOMEM; -EAGAIN: the peek was overtaken in every try.
 */
int64_t gift_sum(const struct segment *s, const struct life_table *lives, owner_t owner);

/*
 * The owner of the gift in @slab, or of the one whose value is there; 0: it is unregistered, or there is none. The owner may
 * be dead, and the gift may not be linked yet.
 */
owner_t gift_owner(const struct segment *s, uint32_t slab);

/*
 * Whether @count slabs from @slab on hold the value of the gift whose entry is in the slab in
 * front of them.
 */
bool gift_has_value(const struct segment *s, uint32_t slab, uint32_t count);

/* The place of the gift in @slab, or 0. */
place_t gift_in(const struct segment *s, uint32_t slab);

/* What is noted of gifts: another number after each, and after each look that finds none. */
static inline uint64_t gift_noted(const struct segment *s)
{
	return load_relaxed(&s->header->gifts); /* relaxed: raised before the linking */
}

/* Whether there may be any. False is certain for gifts linked before the call. */
static inline bool gift_is_any(const struct segment *s)
{
	uint64_t gifts = gift_noted(s);

	return caa_unlikely(gifts >> 32 != (uint32_t)gifts);
}

/*
 * Whether there was ever one. Without, no process has changed an entry of another. False is certain
 * for the changes that the caller has seen, and for those of calls of which it has seen that they are over.
 */
static inline bool gift_was_any(const struct segment *s)
{
	return gift_noted(s) >> 32;
}

#endif
