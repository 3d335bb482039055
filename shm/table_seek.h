/* SPDX-License-Identifier: MIT */
/*
 * The seek: a writer's way to the place of an order in the list. It clears away marked
 * and dead entries as it passes them, so that lists stay short without anybody whose
 * task that is.
 *
 * Promises  the result was true at its end, although the section may have been expelled
 *           meanwhile; an end.
 * Needs     a write section.
 * Context   any thread; lock-free.
 * Used by   table_grow.c, table_write.c.
 */
#ifndef KREG_SHM_TABLE_SEEK_H
#define KREG_SHM_TABLE_SEEK_H

#include "shm/query.h"
#include "shm/table.h"

/*
 * A place between two neighbours in the list, private to the caller. It is valid until
 * the next check that finds the section expelled; a CAS of @link has to go by
 * table_cas_in(), which names @in and what @seen leads to, because another writer may
 * have retired both.
 */
struct position {
	uint64_t *link; /* the word in front */
	place_t in;     /* the entry that holds it; 0: a bucket does */
	ref_t seen;     /* what it holds: the first of a greater order, or what was sought */
	bool found;     /* seen is the bucket that was sought, or an entry that matches */
	struct found at;
	uint32_t passed; /* how many entries, of any key */
	uint32_t ahead;  /* how many entries with the key, of any owner, @seen included */
	place_t sweeps;  /* table_seek_out(): the entry */
	bool swept;      /* it has left the list by this seek */
};

/*
 * Seeks from @start, a linked bucket's word that held @word; NULL: damage. Stops behind
 * q's order; at the bucket of that order; or, if q->key is set, at a living entry that
 * matches q. With q->key NULL it passes the whole order, and clears it. -EUCLEAN,
 * -ENOMEM.
 */
int table_seek(const struct writer *w, uint64_t *start, ref_t word, const struct query *q,
	       struct position *out);

/*
 * The same, but it also ends where it has taken the entry at @place out of the list, which has
 * q's order and a mark, or a dead owner. If it ends elsewhere, another process has done that.
 */
int table_seek_out(const struct writer *w, uint64_t *start, ref_t word, const struct query *q,
		   place_t place);

#endif
