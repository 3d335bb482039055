/* SPDX-License-Identifier: MIT */
/*
 * The part of the segment's layout that says who owns which memory: slabs, their directory, and the
 * registry's own keys and values, which no owner has.
 *
 * Used by   layout.h, layout_index.h, layout_entry.h.
 */
#ifndef KREG_SHM_LAYOUT_LAND_H
#define KREG_SHM_LAYOUT_LAND_H

#include <stdint.h>

/*
 * The unit in which memory is owned. As small as that because many owners have few entries:
 * thousands of them with a page each are more pages than a CPU has translations of. An owner
 * that has more takes SLAB_RUN of them at once, side by side and aligned.
 */
#define SLAB_BYTES 1024u
#define SLAB_RUN 16u
/* That a gift may take: one for its entry, and up to a run for its value. */
#define SLAB_GIFT_MAX (SLAB_RUN + 1)
#define LINE_BYTES 64u

/*
 * A directory entry for each slab. owner:
 *
 *   word                means                    becomes, by
 *   0                   free                     an owner, land_take()
 *   an owner, alive     that owner's             0, land_return(); {1, epoch}, land_retire_from()
 *   an owner, over      the dead owner's         {1, epoch}, sweep: land_retire_from()
 *   {1, epoch}          unlinked, readers may    an owner, land_take() once the epoch is past
 *                       still stand in it
 *   below 2^32          no owner's: what is in   {1, epoch}, land_retire_from(), by any process
 *                       it says whether it is    that finds it over; 0, land_take_back(), by its
 *                       over                     maker if it was never linked
 *
 * The words of slabs without an owner do not come back, so a CAS from one is about that very
 * use of the slab, however late it comes:
 *
 *    31  30  29  28  27        0
 *   +---+---+---+---+-----------+   M: of a meta blob; the change by which it was to be
 *   | M | G | L | V | number    |   linked, from bit 30 on. G: of a gift; its ticket, and
 *   +---+---+---+---+-----------+   L: it is known to have been linked. V: of its value,
 *                                   which is too large for the slab of its entry
 *
 * about is the owner's: what the slab is cut into, see heap.c. Written after the slab was
 * taken and before anything in it is linked, so that a process that finds an entry there
 * finds its cut. In a slab without an owner: LAND_MAKER and the maker's word, with the
 * image, because a process that has called exec links nothing from before any more.
 */
struct directory_entry {
	uint64_t owner;
	uint64_t about;
};

#define LAND_RETIRED (1ull << 63)
#define LAND_META (1ull << 31)
#define LAND_GIFT (1ull << 30)
#define LAND_GIFT_LINKED (1ull << 29)
#define LAND_GIFT_VALUE (1ull << 28)
/*
 * Nobody who ever lived: the owner of meta that was carried over from another segment, and of
 * entries that were swept.
 */
#define SEGMENT_NOBODY 1ull
/*
 * Nobody in the seat of @owner: the owner of gifts that came too late. Such a gift may be in the
 * list, so its word has to lead to the same partition as @owner's (query.h). There is no
 * incarnation, which says that nobody lived; the image makes another word than 0 of seat 0.
 */
#define SEGMENT_NOBODY_AT(owner) (((owner)&0xffffull) | 1ull << 16)
/*
 * In @about: it names the maker; without that, whether a heap gave the slab away before its owner's
 * death (heap_vacate.c), which is a hint.
 */
#define LAND_MAKER (1ull << 63)
#define LAND_VACATED (1ull << 33)

/*
 * In front of the registry's own keys and values; see meta.c. Written before the blob is
 * linked, and constant from then on.
 */
struct meta_head {
	/* the process that has made it; for people */
	uint64_t owner;
	/* that follow */
	uint32_t bytes;
	uint32_t reserved;
};

#define SEGMENT_META_MAX (1u << 20)

_Static_assert(sizeof(struct directory_entry) == 16, "other processes see it");

#endif
