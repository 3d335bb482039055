/* SPDX-License-Identifier: MIT */
/*
 * The seek: to the place of an order in the list, clearing away on the way what is marked or dead.
 *
 * Promises  what it has found was so at its end, although its section may have been expelled meanwhile; an end.
 * Needs     a write section.
 * Context   any thread; lock-free.
 * Used by   table_grow.c, table_write.c.
 */
#ifndef KREG_SHM_TABLE_SEEK_H
#define KREG_SHM_TABLE_SEEK_H

#include "shm/query.h"
#include "shm/table.h"

/* A place between two in the list. */
struct position {
	uint64_t *link; /* the word in front */
	place_t in;     /* the entry that it is in; 0: a bucket's */
	ref_t seen;     /* what it holds: the first of a greater order, or what was sought */
	bool found;     /* seen is the bucket that was sought, or an entry that matches */
	struct found at;
	uint32_t passed; /* entries */
	uint32_t ahead;  /* entries with the key, of any owner */
};
int table_seek(const struct writer *w, uint64_t *start, ref_t word, const struct query *q,
	       struct position *out);

#endif
