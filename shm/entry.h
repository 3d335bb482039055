/* SPDX-License-Identifier: MIT */
/*
 * Entries as they lie in the land: which key they have, which kind they are, where their
 * value is.
 *
 * Every access checks its bounds, because any process with write access to the registry
 * can write any info word, and a peek may read a block that has become something else
 * meanwhile.
 *
 * Promises  nothing outside of what is reserved is read, whatever the entry says.
 * Needs     an entry from segment_entry(); its info word, loaded once: a second load
 *           could yield another size after the first was checked.
 * Context   any; wait-free. Inline, because a lookup is made of these.
 * Used by   table, sweep, lib/.
 */
#ifndef KREG_SHM_ENTRY_H
#define KREG_SHM_ENTRY_H

#include "shm/copy.h"
#include "shm/segment.h"

/*
 * The first line of what is at @place, or NULL if that is not reserved. A place in front
 * of the land wraps around to a number of slab that no registry has. Only the first line
 * is certain to be inside: for bytes behind it, ask entry_has_room().
 */
static inline struct entry *segment_entry(const struct segment *s, place_t place)
{
	uint32_t slab = (place - s->land_place) / (SLAB_BYTES / LINE_BYTES);

	/*
	 * relaxed: it only grows, and a process that links a place has reserved it before
	 */
	if (caa_unlikely(slab >= load_relaxed(&s->view->slabs) && slab >= segment_see_slabs(s)))
		return NULL;
	return (struct entry *)(s->land_base + (uint64_t)place * LINE_BYTES);
}

/*
 * Whether @bytes from the entry's start on lie in its slab. No entry crosses the end of
 * its slab; one that claims to is damaged, and the next slab may be another owner's or
 * not yet reserved.
 */
static inline bool entry_has_room(const struct segment *s, const struct entry *entry,
				  uint32_t bytes)
{
	uint64_t offset = (uint64_t)((const unsigned char *)entry - s->land_base) - s->land_offset;

	return offset % SLAB_BYTES + bytes <= SLAB_BYTES;
}

static inline uint32_t entry_key_size(uint64_t info)
{
	return (uint8_t)info;
}

static inline uint32_t entry_kind(uint64_t info)
{
	return (info >> ENTRY_KIND_SHIFT) & ENTRY_KIND_MASK;
}

/* Whether another owner may link a name in front of this one (KREG_REGISTER_REPLACEABLE). */
static inline bool entry_is_replaceable(uint64_t info)
{
	return (info >> ENTRY_KIND_SHIFT) & ENTRY_REPLACEABLE;
}

/*
 * Whether the entry lies in a slab that no owner has, mostly because another owner has made
 * it; such a one is in no row's count (gift.c).
 */
static inline bool entry_is_gift(uint64_t info)
{
	return (info >> ENTRY_KIND_SHIFT) & ENTRY_GIFT;
}

/* The flags that its owner has chosen. */
static inline uint32_t entry_flags(uint64_t info)
{
	return (info >> ENTRY_KIND_SHIFT) & (ENTRY_REPLACEABLE | ENTRY_DROP);
}

/*
 * Whether the owner that takes the name over ends this entry (KREG_REGISTER_DROP). Only what
 * no owner's heap has: the taker retires its memory.
 */
static inline bool entry_is_dropped(uint64_t info)
{
	const uint64_t all = ENTRY_REPLACEABLE | ENTRY_GIFT | ENTRY_DROP;

	return (~(info >> ENTRY_KIND_SHIFT) & all) == 0;
}

/* Whether it tells of a process of another host (kreg_register_remote()). */
static inline bool entry_is_remote(uint64_t info)
{
	return (info >> ENTRY_KIND_SHIFT) & ENTRY_REMOTE;
}

/* Whether it was linked, of a replaceable name; see index_alone(). */
static inline bool entry_is_listed(uint64_t info)
{
	return (info >> ENTRY_KIND_SHIFT) & ENTRY_LISTED;
}

/*
 * Whether any other owner may link a name in front of this one without asking for that: one of
 * another host yields to one of this host.
 */
static inline bool entry_yields(uint64_t info)
{
	return entry_is_remote(info) && entry_is_replaceable(info);
}

/* Kinds, as a set; of what has flags besides, its kind. */
#define KIND_OF(kind_and_flags) (1u << ((kind_and_flags)&ENTRY_KIND_MASK))
#define KINDS_OF_NAMES (KIND_OF(ENTRY_NAME) | KIND_OF(ENTRY_RESERVED))
/*
 * Those that belong to the program that their owner runs, and end with it at exec. Their
 * owner word has the image.
 */
#define KINDS_OF_PROGRAMS                                                                          \
	(KIND_OF(ENTRY_LOCK) | KIND_OF(ENTRY_CLAIM) | KIND_OF(ENTRY_STATUS) | KIND_OF(ENTRY_STATE))
#define KINDS_USED (KINDS_OF_NAMES | KINDS_OF_PROGRAMS)

static inline bool entry_is_of(uint64_t info, uint32_t kinds)
{
	return kinds >> entry_kind(info) & 1;
}

/* The info word of an entry whose value is at @value, or behind the key if that is 0. */
static inline uint64_t entry_info(uint32_t kind_and_flags, place_t value, uint32_t value_size,
				  uint32_t key_size)
{
	return (uint64_t)kind_and_flags << ENTRY_KIND_SHIFT |
	       (uint64_t)value << ENTRY_VALUE_PLACE_SHIFT |
	       (uint64_t)value_size << ENTRY_VALUE_SIZE_SHIFT | key_size;
}

/*
 * The bytes in front of a value that lies behind its key: values begin at a multiple of
 * 8, so that a counter can be added to atomically.
 */
static inline uint32_t entry_head(uint32_t key_size)
{
	return ENTRY_HEAD + ((key_size + 7) & ~7u);
}

static inline __attribute__((always_inline)) bool entry_has_key(const struct segment *s,
								const struct entry *entry,
								uint64_t info, const void *key,
								uint32_t key_size)
{
	if (entry_key_size(info) != key_size)
		return false;
	/*
	 * A key that fits into the first line needs no check: segment_entry() has made
	 * it. A longer one may reach beyond the slab if the info word is damaged.
	 */
	if (key_size > sizeof(entry->bytes) && !entry_has_room(s, entry, ENTRY_HEAD + key_size))
		return false;
	return copy_equals(entry->bytes, key, key_size);
}

/*
 * Whether it is a plain name with a key of that size and the value behind it:
 * one comparison for kind, flags and key size together, because the short search makes it for
 * each hit. A name of another host has its second comparison where no other one comes.
 */
static inline bool entry_is_in_line(uint64_t info, uint32_t key_size)
{
	if (caa_unlikely((uint16_t)info != entry_info(ENTRY_NAME, 0, 0, key_size)) &&
	    (uint16_t)info != entry_info(ENTRY_NAME | ENTRY_REMOTE, 0, 0, key_size))
		return false;
	return info >> ENTRY_VALUE_SIZE_SHIFT <= ENTRY_VALUE_SIZE_MAX;
}

static inline uint32_t entry_value_size(uint64_t info)
{
	return (info >> ENTRY_VALUE_SIZE_SHIFT) & ENTRY_VALUE_SIZE_MAX;
}

static inline place_t entry_value_place(uint64_t info)
{
	return (info >> ENTRY_VALUE_PLACE_SHIFT) & PLACE_MAX;
}

/*
 * The address of the entry's value, and its size; NULL if it is not in the segment, or
 * larger than a value can be. A value with a place of its own is bounded by what is
 * reserved; one behind the key must end in the entry's slab.
 */
static inline const void *entry_value(const struct segment *s, const struct entry *entry,
				      uint64_t info, uint32_t *size)
{
	place_t place = entry_value_place(info);
	uint32_t offset = entry_head(entry_key_size(info));

	*size = entry_value_size(info);
	if (caa_unlikely(place))
		return *size <= ENTRY_VALUE_MAX ? segment_at(s, place, *size) : NULL;
	if (caa_unlikely(offset + *size > LINE_BYTES && !entry_has_room(s, entry, offset + *size)))
		return NULL;
	return (const unsigned char *)entry + offset;
}

/* The bytes in front of struct entry_remote, of an entry with @value_size bytes behind its key. */
static inline uint32_t entry_remote_offset(uint32_t key_size, uint32_t value_size)
{
	return entry_head(key_size) + ((value_size + 7) & ~7u);
}

/*
 * Where the entry says of which host it tells, and the size of its host there, read once; NULL: it
 * leads out of the entry's slab.
 */
static inline const struct entry_remote *
entry_remote(const struct segment *s, const struct entry *entry, uint64_t info, uint32_t *host_size)
{
	uint32_t behind = entry_value_place(info) ? 0 : entry_value_size(info);
	uint32_t offset = entry_remote_offset(entry_key_size(info), behind);
	const struct entry_remote *remote;

	offset += (uint32_t)sizeof(*remote);
	if (!entry_has_room(s, entry, offset))
		return NULL;
	remote = (const struct entry_remote *)((const unsigned char *)entry + offset) - 1;
	/* relaxed: behind the link */
	*host_size = load_relaxed(&remote->host_size);
	if (*host_size > ENTRY_HOST_MAX || !entry_has_room(s, entry, offset + *host_size))
		return NULL;
	return remote;
}

#endif
