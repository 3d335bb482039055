/* SPDX-License-Identifier: MIT */
/*
 * The table: from a key to its entry, in a list that all processes share.
 *
 * Promises  a search takes no lock, writes nothing and ends whatever the memory holds; of two who
 *           link one key, exactly one does; an entry whose owner is dead is absent for everybody.
 * Needs     searches: a peek or a section of grace.h around them. Changes: a write section.
 * Context   any thread; lock-free; a search is wait-free but for the length of its chain.
 * Used by   lib/, shm/sweep.c.
 *
 * Files, each above those before it: query.h what is looked for, table_link.c the words of the list, table.c the walk,
 * table_search.h the search, table_seek.c the seek of those who change, table_grow.c buckets, table_write.c changes.
 */
#ifndef KREG_SHM_TABLE_H
#define KREG_SHM_TABLE_H

#include "shm/table_link.h"

struct query;

/* A link, and what it held. */
struct table_guard {
	const uint64_t *link;
	ref_t seen;
};

/* So many entries of one order that are not live are guarded; see table_next(). */
#define WALK_GUARDS 4u

/*
 * One pass over a part of the list. All of it is bounded: by the number of hops that a list can
 * have, by orders that never go down, and by a place that comes twice.
 */
struct table_walk {
	ref_t at;
	order_t last, until;
	uint64_t hops;
	ref_t before;             /* where it was at some earlier hop */
	bool lost;                /* by damage */
	struct table_guard front; /* the last link that was not marked */
	struct table_guard guards[WALK_GUARDS];
	uint32_t guarded;
	uint64_t passed; /* which living ones of other kinds it has gone past */
};

/*
 * A walk over all live entries in the order of the list. table_first() stands at a bucket that is not
 * behind @from, maybe before it; table_next() goes to the next live one and says its order, which
 * never goes down. -ENOENT: there is none up to @until. -EAGAIN: the order before this one may have
 * a holder that the walk has missed; it is to begin again there. -EUCLEAN.
 */
void table_first(const struct segment *s, order_t from, order_t until, struct table_walk *walk);
int table_next(const struct segment *s, const struct life_table *lives, struct table_walk *walk,
	       struct found *out, order_t *order);

/*
 * A walk over the live entries that match @q, q->owner included: the line of a key. -ENOENT,
 * -EUCLEAN. Whether one was missed that was put in front of another meanwhile says
 * table_held(), asked afterwards.
 */
void table_line(const struct segment *s, const struct query *q, struct table_walk *walk);
int table_line_next(const struct segment *s, const struct life_table *lives, const struct query *q,
		    struct table_walk *walk, struct found *out);
bool table_held(const struct table_walk *walk);

/* The entry that matches @q at @place: one walk. -ENOENT, -EUCLEAN. */
int table_find_at(const struct segment *s, const struct life_table *lives, const struct query *q,
		  place_t place, struct found *out);

/*
 * As table_find(), which calls it when it has seen an entry of the key that does not count.
 * -EAGAIN: the name went from owner to owner in each of many tries.
 */
int table_find_again(const struct segment *s, const struct life_table *lives, const struct query *q,
		     struct found *out);

/* More than contention can explain: a loop that another process's stores keep from its end. */
#define TABLE_TRIES (1u << 20)

/*
 * Where a new entry goes among those of its order. A name that may be held by one belongs to the first
 * living entry with it; those behind are its line.
 */
enum table_rule {
	LINK_IF_FREE, /* -EEXIST if any entry matches */
	LINK_IN_LINE, /* at the end; -EEXIST if one of self's own matches */
	LINK_BEFORE,  /* in front of the first that matches, if that is replaceable; else -EEXIST */
	LINK_FIRST,   /* in front of the first that matches: many under one key cost no walk */
	LINK_LAST,
};

/* What came of it. */
struct linked {
	struct found holder; /* at -EEXIST */
	uint32_t ahead;      /* how many that match are in front */
	bool front;          /* it is in front of one that was replaceable */
	uint32_t crowded;    /* how many stood between the bucket and the place */
};

/* Links @place, which is filled, under @q by @rule. */
int table_link(const struct writer *w, const struct query *q, place_t place, enum table_rule rule,
	       struct linked *out);

/*
 * The first living entry that matches @q, q->owner included, after what is marked or dead in front of it
 * was cleared away: nobody is put in front of it any more but by a call that has seen it. -ENOENT,
 * -EUCLEAN. Write section.
 */
int table_find_first(const struct writer *w, const struct query *q, struct found *out);

/*
 * Unregisters @found, which is self's own and named by a hazard; -ENOENT: it has been already. *place is the entry's, out
 * of the list; 0: damage keeps it there, and its memory must not be used again.
 */
int table_unlink(const struct writer *w, const struct query *q, const struct found *found,
		 place_t *place);

/*
 * Puts @place, which is filled, where @found is, which is as in table_unlink(): whoever searches finds the one or the other. -ENOENT:
 * @found is not registered any more. *old as in table_unlink().
 */
int table_replace(const struct writer *w, const struct query *q, const struct found *found,
		  place_t place, place_t *old);

/* Goes past all that has the order of @q, so that what is marked or dead there is in no list. */
int table_purge(const struct writer *w, const struct query *q);

/* Links the bucket for @hash if need be, and returns the nearest one; NULL: damage. Write section. */
uint64_t *table_bucket_make(const struct writer *w, uint32_t hash, ref_t *word);

/* Goes a step towards doubling the buckets if there are few for the entries. Write section. */
void table_grow(const struct segment *s, uint64_t entries);

/* How many bytes of the file are reserved for buckets. */
uint64_t table_bytes(const struct segment *s);

/* Links a few buckets ahead of need. Write section. */
void table_prepare(const struct writer *w);

#endif
