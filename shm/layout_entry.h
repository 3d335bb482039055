/* SPDX-License-Identifier: MIT */
/*
 * The part of the segment's layout that is registered: an entry, and what its words say.
 *
 * Used by   layout.h, layout_log.h.
 */
#ifndef KREG_SHM_LAYOUT_ENTRY_H
#define KREG_SHM_LAYOUT_ENTRY_H

#include <stddef.h>
#include <stdint.h>

#include "shm/layout_land.h"

/*
 * An entry, the head of a block in a slab of entries. With the key it lies in one cache line
 * where 40 bytes are enough for key and value. From its linking on all of it is constant
 * except next, the kind, which may go from reserved to name once, ENTRY_LISTED, and the owner, which a sweep
 * may make SEGMENT_NOBODY, or of a gift the owner itself SEGMENT_NOBODY_AT(): readers copy an entry
 * without a lock, so any other change is another entry that replaces it.
 *
 *   next    the chain, see place.h; its mark says that the entry is unregistered or replaced
 *   owner   {incarnation, seat}, of locks and claims {incarnation, image, seat}, see life.h;
 *           SEGMENT_NOBODY: of the dead, and out of the list for good, see sweep.c;
 *           SEGMENT_NOBODY_AT() the owner until then: a gift whose owner has closed, see gift.c
 *   info    see below
 *
 *   63              33 32       16 15    11 10     8 7        0
 *  +------------------+-----------+--------+--------+----------+
 *  | place of value   | size of   | flags  | kind   | size of  |   place 0: right behind the key,
 *  | in lines, or 0   | value     |        |        | key      |   at the next multiple of 8
 *  +------------------+-----------+--------+--------+----------+
 *
 * So its low 16 bits say whether it is a plain name of a size of key, and the rest is the size
 * of the value, or larger than any value's: lookups compare the one and bound the other.
 *
 * A counter is the exception: an entry whose value is 8 bytes, which its owner adds to in
 * place, atomically.
 */
struct entry {
	uint64_t next;
	uint64_t owner;
	uint64_t info;
	unsigned char bytes[40];
};

#define ENTRY_HEAD 24u
#define ENTRY_KIND_SHIFT 8
#define ENTRY_VALUE_SIZE_SHIFT 16
#define ENTRY_VALUE_PLACE_SHIFT 33
/* The largest size that the word has room for; it may say so if it is damaged. */
#define ENTRY_VALUE_SIZE_MAX 0x1ffffull
/* The largest value that a registration may have. */
#define ENTRY_VALUE_MAX 65536u

/* Kinds; 0: a block that holds no entry. */

/* a registration */
#define ENTRY_KIND_MASK 0x7u
#define ENTRY_NAME 1u
/* a name that is taken and that no search finds yet */
#define ENTRY_RESERVED 2u
/* a place in the line for a lock; its keys are apart from names */
#define ENTRY_LOCK 3u
/* a process is about to start a program under a name; apart as well */
#define ENTRY_CLAIM 4u
/* what a program says of itself, for others to see; apart as well */
#define ENTRY_STATUS 5u
/* what a supervisor says of a service, which may not run; apart as well */
#define ENTRY_STATE 6u

/* Flags, above the kind. */

/*
 * it was linked, as a name that others may be put in front of: its cell keeps LOOK, and with this
 * lookups may go by it nevertheless (index_alone()). Set once, after the CAS that links it
 */
#define ENTRY_LISTED 0x8u
/* another owner may put a name in front of it */
#define ENTRY_REPLACEABLE 0x10u
/* it lies in a slab of its own that no owner has; usually made by another owner */
#define ENTRY_GIFT 0x20u
/* an owner that takes the name over ends it; only with the two above */
#define ENTRY_DROP 0x40u
/*
 * its owner tells of a process of another host: behind the value, or behind the key if the value
 * has a place of its own, is struct entry_remote, at the next multiple of 8. Only of a name
 */
#define ENTRY_REMOTE 0x80u

/* What its owner says of the process of another host; it is constant as the entry is. */
struct entry_remote {
	/* as its owner has given it; etcd's revision, say */
	uint64_t token;
	/* of the process, nanoseconds since the boot of that host; 0: not known */
	uint64_t start;
	uint32_t pid;
	uint32_t uid;
	/* enum kreg_remote_flags */
	uint32_t flags;
	/* of host, 1 to ENTRY_HOST_MAX */
	uint32_t host_size;
	unsigned char host[];
};

#define ENTRY_HOST_MAX 64u

_Static_assert(sizeof(struct entry) == LINE_BYTES, "one cache line");
_Static_assert(offsetof(struct entry, bytes) == ENTRY_HEAD, "the key begins here");
_Static_assert(sizeof(struct entry_remote) == 32, "other processes see it");

#endif
