/* SPDX-License-Identifier: MIT */
/*
 * Land: the slabs of a segment, and the owner of each.
 *
 * It exists so that the memory of a dead process can be found and reclaimed without any
 * list of it: each slab's directory word names its owner, and is over when that is.
 *
 * Promises  a slab has one owner at a time; the owner's death frees it for
 *           land_retire_from() and for nothing else; what is given out is reserved in
 *           the file system.
 * Needs     owners of one life table only.
 * Context   any thread; lock-free; land_take() may reserve memory, by madvise(2).
 * Used by   heap, gift, meta, sweep, lib/.
 */
#ifndef KREG_SHM_LAND_H
#define KREG_SHM_LAND_H

#include "shm/grace.h"
#include "shm/segment.h"

/*
 * Takes @count adjacent slabs for @self; *slab is the first, of SLAB_RUN a multiple of that.
 * Their content is that of the last owner. The caller writes what the slab is cut into (land_describe()) before it
 * links anything in it. @from remembers where the last search ended. Killed after it:
 * slabs of the dead.
 *
 * -ENOSPC: the registry or the file system is full; -ENOMEM: it is not, but this process
 * cannot map more; -EUCLEAN: damage.
 */
int land_take(const struct segment *s, const struct life_table *lives, owner_t self, uint32_t count,
	      uint32_t *from, uint32_t *slab);

/*
 * Takes [@slab, @slab + @count), which the caller had, if all of it may be taken: retired long
 * enough ago, or free.
 */
bool land_take_again(const struct segment *s, const struct life_table *lives, owner_t self,
		     uint32_t slab, uint32_t count);

/*
 * Frees a slab at once. By its owner, and only if no reader can stand in it any longer:
 * there is no stamp, so the next taker may overwrite it immediately.
 */
void land_return(const struct segment *s, uint32_t slab);

/*
 * Frees a slab in which readers may still stand, after two epochs, if its word is still
 * @seen. By its owner, or by any process that has found it dead or over. All its entries
 * must be out of the list. False: another process was first, which is as good.
 */
bool land_retire_from(const struct segment *s, uint32_t slab, owner_t seen);

/*
 * land_disown(): turns a slab of @self's into an unowned one with the word @next, because
 * its content is to outlive @self or to pass to others. Before anything leads to it.
 * -EOWNERDEAD: it is no longer @self's; its life is over.
 *
 * land_take_back(): by its maker, for one that was never linked: frees it, unless another
 * process has done so already.
 */
int land_disown(const struct segment *s, uint32_t slab, const struct life_self *self,
		uint64_t next);
void land_take_back(const struct segment *s, uint32_t slab, uint64_t word);

/* From @seen to @next, both words of unowned slabs. False: it had changed. */
bool land_rename(const struct segment *s, uint32_t slab, uint64_t seen, uint64_t next);

/* Of an unowned slab: whether the program that made it still runs, so may yet link it. */
bool land_maker_is_alive(const struct segment *s, const struct life_table *lives, uint32_t slab);

/*
 * Whether @word is that of a dead owner. It does not come back, so a CAS from it is right
 * however late it comes.
 */
bool land_is_dead(const struct life_table *lives, uint64_t word);

/*
 * The slab's word, and its owner's description of the slab. To use both, load the word
 * first; if the slab may change hands meanwhile, load it again afterwards.
 */
uint64_t land_owner(const struct segment *s, uint32_t slab);
uint64_t land_about(const struct segment *s, uint32_t slab);
void land_describe(const struct segment *s, uint32_t slab, uint64_t about);

/* The number of slabs that are reserved and in reach of this process; only grows. */
uint32_t land_slabs(const struct segment *s);

static inline bool land_is_retired(uint64_t word)
{
	return word & LAND_RETIRED;
}

/* Unowned: neither free nor owned nor retired. */
static inline bool land_is_nobodys(uint64_t word)
{
	return word && !(word >> 32);
}

/* Of a gift's entry, or of its value. */
static inline bool land_is_of_gift(uint64_t word)
{
	return land_is_nobodys(word) && !(word & LAND_META) && (word & LAND_GIFT);
}

static inline bool land_is_gift(uint64_t word)
{
	return land_is_of_gift(word) && !(word & LAND_GIFT_VALUE);
}

#endif
