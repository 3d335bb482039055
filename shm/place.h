/* SPDX-License-Identifier: MIT */
/*
 * Places and references: offsets instead of pointers, in words that can be CASed.
 *
 * Each process maps the segment at an address of its own, so a pointer would mean
 * something else in each; and a link must fit into one word together with its sort key
 * and its mark, because what changes by one CAS cannot be left half-changed by a death.
 *
 * Promises  a reference means the same in every process, whatever the mapping's address.
 * Needs     nothing. Whether a place lies inside the segment is asked of segment_at().
 * Context   any; arithmetic only.
 * Used by   segment, land, heap, table, sweep.
 *
 * A place counts lines of 64 bytes from the start of the segment. A reference is a link
 * of the table's one sorted list:
 *
 *   63                33 32 31                 1  0
 *  +--------------------+--+--------------------+--+
 *  | place, or          |C | order of what is   |M |
 *  | number of bucket   |  | there              |  |
 *  +--------------------+--+--------------------+--+
 *
 * The order is the sort key: bits of the hash, and above them 1 for an entry and 0 for a
 * bucket. It is compared from its lowest bit on, so that all that a bucket holds follows
 * it, and doubling the buckets moves nothing: Shalev and Shavit, "Split-Ordered Lists:
 * Lock-Free Extensible Hash Tables", 2003, where the bits are reversed instead. It is in the
 * reference so that a search knows from one word whether to go on, without reading what
 * is there.
 *
 *   M  in an entry's own link: the entry is unregistered. No CAS that expects the link
 *      without the mark succeeds from then on, so nothing can be linked behind an entry
 *      that leaves the list. Michael, "High Performance Dynamic Lock-Free Hash Tables and
 *      List-Based Sets", 2002.
 *   C  in a bucket's link: a process is about to put the bucket in the list. The order then
 *      makes room for the claimant, so that others can tell when it is dead:
 *
 *   31    30              17 16              1  0
 *  +-----+------------------+-----------------+---+
 *  | is  | incarnation,     | seat            | 0 |
 *  | an entry, the low 14 bits                |   |
 *  +-----+------------------+-----------------+---+
 */
#ifndef KREG_SHM_PLACE_H
#define KREG_SHM_PLACE_H

#include <stdbool.h>
#include <stdint.h>

typedef uint32_t place_t;
typedef uint64_t ref_t;
typedef uint32_t order_t;

#define PLACE_MAX 0x7fffffffu
#define PLACE_SHIFT 33
#define ORDER_HASH 0x3fffffffu
#define ORDER_OF_ENTRY 0x40000000u
#define ORDER_LAST 0x7fffffffu

#define REF_MARK 1ull
#define REF_CLAIM (1ull << 32)
#define CLAIM_OF_ENTRY ((uint64_t)ORDER_OF_ENTRY << 1)
/*
 * A bucket that was never linked. No other reference is 0 except that to bucket 0, and no
 * link leads to bucket 0, because the list begins there.
 */
#define REF_NONE 0ull
/* The list's end: no entry lies at place 0, which is the segment's header. */
#define REF_END ((uint64_t)ORDER_LAST << 1)

static inline order_t order_of_entry(uint32_t hash)
{
	return hash | ORDER_OF_ENTRY;
}

static inline order_t order_of_bucket(uint32_t bucket)
{
	return bucket;
}

static inline bool order_is_entry(order_t order)
{
	return order & ORDER_OF_ENTRY;
}

/* The hash of an entry; a bucket's number. */
static inline uint32_t order_hash(order_t order)
{
	return order & ORDER_HASH;
}

/*
 * Whether @a comes before @b in the list. The lowest bit in which they differ decides:
 * the one that has 0 there comes first. With equal hash bits the bucket comes before its
 * entries, because ORDER_OF_ENTRY is the highest bit.
 */
static inline bool order_is_before(order_t a, order_t b)
{
	order_t differ = a ^ b;

	return b & differ & -differ;
}

static inline ref_t ref_make(place_t place, order_t order)
{
	return (uint64_t)place << PLACE_SHIFT | (uint64_t)order << 1;
}

static inline place_t ref_place(ref_t ref)
{
	return (place_t)(ref >> PLACE_SHIFT);
}

static inline order_t ref_order(ref_t ref)
{
	return (order_t)(ref >> 1) & ORDER_LAST;
}

/*
 * With or without a mark: the last entry of the list may be unregistered, and its link
 * has the mark then.
 */
static inline bool ref_is_end(ref_t ref)
{
	return (ref & ~REF_MARK) == REF_END;
}

/*
 * The word of a bucket that @seat is about to link in front of @target. The full order
 * does not fit beside the claimant, so only one bit of it is kept, entry or bucket;
 * table_unclaim() reads the rest where the place leads.
 */
static inline ref_t ref_claim(ref_t target, uint32_t seat, uint32_t incarnation)
{
	return (target >> PLACE_SHIFT << PLACE_SHIFT) | REF_CLAIM | (target & CLAIM_OF_ENTRY) |
	       (uint64_t)(incarnation & 0x3fff) << 17 | (uint64_t)(seat & 0xffff) << 1;
}

static inline uint32_t ref_claim_seat(ref_t claim)
{
	return (claim >> 1) & 0xffff;
}

static inline uint32_t ref_claim_incarnation(ref_t claim)
{
	return (claim >> 17) & 0x3fff;
}

static inline bool ref_claim_is_entry(ref_t claim)
{
	return claim & CLAIM_OF_ENTRY;
}

#endif
