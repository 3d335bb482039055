/* SPDX-License-Identifier: MIT */
/*
 * One look of a check: what it has seen so far, and the faults. For the files of the check alone.
 *
 * Promises  look_fault() keeps a bounded number of faults, however many there are.
 * Needs     look_begin() before, look_end() after.
 * Context   one thread.
 * Used by   check.c, check_list.c, check_land.c, check_seats.c.
 */
#ifndef KREG_SHM_CHECK_LOOK_H
#define KREG_SHM_CHECK_LOOK_H

#include "shm/table.h"

/* Of each kind; one damaged slab has hundreds of entries. */
#define FAULTS_OF_KIND 8u

/* Each object is named by the kind and two numbers, so that a second look finds the same fault again. */
enum fault_kind {
	FAULT_NONE,
	FAULT_HEADER,
	FAULT_LINK,   /* the list leads nowhere, back, or round in a circle; the walk ends there */
	FAULT_BUCKET, /* linked, and the list does not lead to it */
	FAULT_TWICE,  /* a block is in two places of the list */
	FAULT_CUT,    /* an entry is not a block of its slab, or larger than one */
	FAULT_KEY,    /* an entry is not at its key's place in the list */
	FAULT_VALUE,
	FAULT_SLAB,     /* a linked entry lies in memory that is not its owner's */
	FAULT_STRANGER, /* its owner has never opened the registry */
	FAULT_LINE,     /* an owner is twice in a line */
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

struct fault {
	enum fault_kind kind;
	uint64_t object, word;
	char sentence[240];
};

/* The holder of a seat, and what the walk has found of it. */
struct look_seat {
	owner_t owner; /* 0: none is alive */
	uint64_t entries, held, locks, doubt;
	uint64_t names_found, held_found, locks_found;
	bool inside; /* a thread of its is inside of a call that writes */
};

struct look {
	const struct segment *s;
	const struct life_table *lives;
	uint32_t slabs; /* when the look began */
	uint64_t buckets;
	unsigned char *lines;   /* a bit for each line of the land: a linked entry begins there */
	unsigned char *reached; /* a bit for each bucket that the list has led to */
	unsigned char *linked;  /* a bit for each bucket that was linked when the look began */
	struct look_seat *seats;
	uint64_t gifts;                /* live ones in the list */
	bool complete;                 /* the walk came to the end */
	bool torn;                     /* a part of the list changed under each look at it */
	uint64_t of_kind[FAULT_KINDS]; /* how many there are, those without room included */
	uint32_t count;
	struct fault faults[LOOK_FAULTS_MAX];
};

#define LOOK_DAMAGED                                                                               \
	"the memory is damaged: destroy the registry and restart the processes that use it"

__attribute__((format(printf, 5, 6))) void look_fault(struct look *look, enum fault_kind kind,
						      uint64_t object, uint64_t word,
						      const char *format, ...);

/* The pid that the row of @owner's seat has, for people. */
uint32_t look_pid(const struct look *look, owner_t owner);

static inline bool bit_is_set(const unsigned char *bits, uint64_t bit)
{
	return bits[bit / 8] >> bit % 8 & 1;
}

static inline void bit_set(unsigned char *bits, uint64_t bit)
{
	bits[bit / 8] |= (unsigned char)(1u << bit % 8);
}

/* -ENOMEM. */
int look_list(struct look *look);
void look_land(struct look *look);
/* Before the list and after it. */
void look_seats_before(struct look *look);
void look_seats_after(struct look *look);

#endif
