/* SPDX-License-Identifier: MIT */
/*
 * Land: slabs of the segment, and whose they are.
 *
 * Promises  a slab has one owner at a time; the owner's death frees it for land_retire_from() and for
 *           nothing else; what is given out is reserved in the file system.
 * Needs     owners of one life table only.
 * Context   any thread; lock-free; land_take() may reserve memory, by madvise(2).
 * Used by   heap, gift, meta, sweep, lib/.
 */
#ifndef KREG_SHM_LAND_H
#define KREG_SHM_LAND_H

#include "shm/grace.h"
#include "shm/segment.h"

/*
 * Takes @count slabs that lie side by side for @self; *slab is the first. @from remembers where the
 * last search ended. -ENOSPC: the registry or the file system is full.
 */
int land_take(const struct segment *s, const struct life_table *lives, owner_t self, uint32_t count,
	      uint32_t *from, uint32_t *slab);

/* Gives one back in which nobody can stand any more. Owner only. */
void land_return(const struct segment *s, uint32_t slab);

/* Gives one back in which readers may stand, by its owner or one of several who may: if its word is still @seen. */
bool land_retire_from(const struct segment *s, uint32_t slab, owner_t seen);

/*
 * A slab of @self's that holds what will outlive it or go to others becomes nobody's, with the word @next.
 * -EOWNERDEAD: it is not @self's any more.
 * What was never linked after all its maker gives back, unless somebody else has.
 */
int land_disown(const struct segment *s, uint32_t slab, const struct life_self *self,
		uint64_t next);
void land_take_back(const struct segment *s, uint32_t slab, uint64_t word);

/* From @seen to @next, both words of nobody's. */
bool land_rename(const struct segment *s, uint32_t slab, uint64_t seen, uint64_t next);

/* Of a slab of nobody's: whether the program that made it may still link it. */
bool land_maker_is_alive(const struct segment *s, const struct life_table *lives, uint32_t slab);

/* Whether the word of a slab is that of a dead owner. */
bool land_is_dead(const struct life_table *lives, uint64_t word);

/* The word, and what its owner has written about the slab. */
uint64_t land_owner(const struct segment *s, uint32_t slab);
uint64_t land_about(const struct segment *s, uint32_t slab);
void land_describe(const struct segment *s, uint32_t slab, uint64_t about);

/* How many slabs are reserved; only grows. */
uint32_t land_slabs(const struct segment *s);

static inline bool land_is_retired(uint64_t word)
{
	return word & LAND_RETIRED;
}

static inline bool land_is_nobodys(uint64_t word)
{
	return word && !(word >> 32);
}

static inline bool land_is_gift(uint64_t word)
{
	return land_is_nobodys(word) && !(word & LAND_META) && (word & LAND_GIFT);
}

#endif
