/* SPDX-License-Identifier: MIT */
/*
 * One look of a check: what it has seen so far, and the faults. For the files of the
 * check only.
 *
 * It is one struct, because what one file collects (owners, linked buckets) another one
 * compares with the list.
 *
 * Promises  look_fault() keeps a bounded number of faults, however many there are.
 * Needs     look_begin() before, look_end() after.
 * Context   one thread.
 * Used by   check.c, check_list.c, check_index.c, check_group.c, check_land.c, check_seats.c.
 */
#ifndef KREG_SHM_CHECK_LOOK_H
#define KREG_SHM_CHECK_LOOK_H

#include "shm/table.h"

/* How many of each kind are kept: one damaged slab has hundreds of entries. */
#define FAULTS_OF_KIND 8u

/*
 * Each fault is identified by its kind and two numbers, so that a second look can find
 * the same one again. The numbers must therefore not depend on the time of the look.
 */
enum fault_kind {
	FAULT_NONE,
	FAULT_HEADER,
	/* The list leads nowhere, back, or round in a circle; the walk ends there. */
	FAULT_LINK,
	/* Linked, but the list does not lead to it. */
	FAULT_BUCKET,
	/* Two places of one part of the list lead to one block. */
	FAULT_TWICE,
	/* An entry is not a block of its slab, or is larger than one. */
	FAULT_CUT,
	/* An entry is not where its key belongs in the list, so no search finds it. */
	FAULT_KEY,
	FAULT_VALUE,
	/* Its owner would lose it by a take-over, and its memory with it. */
	FAULT_FLAGS,
	/* A linked entry lies in memory that is not its owner's. */
	FAULT_SLAB,
	/* Its owner has never opened the registry. */
	FAULT_STRANGER,
	/* Lookups would not find it: its line of the index says that it is not there. */
	FAULT_UNINDEXED,
	/* A cell of the index leads lookups to what does not hold the name. */
	FAULT_CELL,
	/* Listings by its first bytes would not find it. */
	FAULT_UNGROUPED,
	/* The lines of groups lead back, or nowhere. */
	FAULT_GROUPS,
	FAULT_DIRECTORY,
	FAULT_META,
	FAULT_GIFTS,
	FAULT_COUNT,
	FAULT_ROW,
	FAULT_SLOT,
	FAULT_LOG,
	FAULT_KINDS,
};

#define LOOK_FAULTS_MAX (FAULT_KINDS * FAULTS_OF_KIND)

/* @object says which seat, slab, bucket or place; @word what was found there. */
struct fault {
	enum fault_kind kind;
	uint64_t object, word;
	char sentence[240];
};

/* The holder of a seat: its row before the walk, and what the walk has found of it. */
struct look_seat {
	/* 0: none is alive. */
	owner_t owner;
	uint64_t entries, held, locks, doubt;
	uint16_t changes;
	uint64_t names_found, held_found, locks_found;
	/*
	 * A thread of its is inside a call that writes, so its counts may lag behind the
	 * list.
	 */
	bool inside;
};

/* One look. Private to the checking thread. */
struct look {
	const struct segment *s;
	const struct life_table *lives;
	/* When the look began; also the size of @lines. */
	uint32_t slabs;
	uint64_t buckets;
	/* A bit for each line of the land: an entry of the part that is looked at begins there. */
	unsigned char *lines;
	/* A bit for each bucket that the list has led to. */
	unsigned char *reached;
	/* A bit for each bucket that was linked when the look began. */
	unsigned char *linked;
	struct look_seat *seats;
	/* header->gifts when the look began, and live ones in the list. */
	uint64_t gifts_noted, gifts;
	/* The walk has come to the end of the list. */
	bool complete;
	/* A part of the list changed during each try, and was not checked. */
	bool torn;
	/* How many there are, including those not kept in @faults. */
	uint64_t of_kind[FAULT_KINDS];
	uint32_t count;
	struct fault faults[LOOK_FAULTS_MAX];
};

/* How often one part is tried before it is left unchecked (look->torn). */
#define LOOK_TRIES 256

#define LOOK_DAMAGED                                                                               \
	"the memory is damaged: destroy the registry and restart the processes that use it"

/* Adds a fault. */
__attribute__((format(printf, 5, 6))) void look_fault(struct look *look, enum fault_kind kind,
						      uint64_t object, uint64_t word,
						      const char *format, ...);

/* The pid in the row of @owner's seat, for messages; it may be a later holder's. */
uint32_t look_pid(const struct look *look, owner_t owner);

static inline bool bit_is_set(const unsigned char *bits, uint64_t bit)
{
	return bits[bit / 8] >> bit % 8 & 1;
}

static inline void bit_set(unsigned char *bits, uint64_t bit)
{
	bits[bit / 8] |= (unsigned char)(1u << bit % 8);
}

static inline void bit_clear(unsigned char *bits, uint64_t bit)
{
	bits[bit / 8] &= (unsigned char)~(1u << bit % 8);
}

/*
 * Whether lookups find the entry by the index, or ask the list. Within a peek, after it was
 * seen in the list and alive.
 */
bool look_has_cell(const struct look *look, const struct entry *entry, place_t place,
		   order_t order);

/*
 * The same for listings by its group, for an entry of @q. The lines of groups are looked at
 * from the entries' side only: a cell of what has ended is no fault.
 */
bool look_is_grouped(const struct look *look, const struct query *q, const struct entry *entry,
		     place_t place);

/*
 * In this order, once for each look: look_seats_before(), look_list(), look_index(),
 * look_groups(), look_land(), look_seats_after(). look_list() needs look->linked. -ENOMEM.
 */
int look_list(struct look *look);
void look_index(struct look *look);
void look_groups(struct look *look);
void look_land(struct look *look);
void look_seats_before(struct look *look);
void look_seats_after(struct look *look);

#endif
