/* SPDX-License-Identifier: MIT */
/*
 * The table: from a key to its entry, in one sorted list that all processes share.
 *
 * A registry has to be found by key while its owners die at any instruction. The list is
 * changed by a single CAS at a time, so there is no intermediate state that a death could
 * leave behind and no lock that a dead process could hold.
 *
 * Promises  a search takes no lock, writes nothing and ends whatever the memory holds;
 *           of two processes that link one key, exactly one succeeds; an entry whose
 *           owner is dead is absent for everybody.
 * Needs     searches: a peek or a section of grace.h around them. Changes: a write
 *           section.
 * Context   any thread; lock-free; a search is wait-free but for the length of its chain.
 * Used by   lib/, gift, sweep, line, interrupted, log.
 *
 * Files, each above those before it: query.h what is searched for, table_link.c the
 * words of the list, table.c the walk, table_search.h the search, index.h the lookups'
 * short way, table_seek.c the writers' seek, table_grow.c buckets, table_write.c changes.
 */
#ifndef KREG_SHM_TABLE_H
#define KREG_SHM_TABLE_H

#include "shm/table_link.h"

struct query;

/*
 * A link and the word that was loaded from it. A later load that returns the same word
 * shows that nothing was put in front of what it leads to, and nothing there was
 * cleared away.
 */
struct table_guard {
	const uint64_t *link;
	ref_t seen;
};

/*
 * How many links table_next() keeps in front of entries of one order that are not live.
 * One for each key is enough, and an order has a second key only if 30 bits of two
 * hashes collide. Behind four such entries of one key the colliding key has no guard: a
 * take-over of it during the walk may be missed.
 */
#define WALK_GUARDS 4u

/*
 * One pass over a part of the list, private to the thread that makes it. Only the
 * functions of table.c write it. Three bounds make every pass end, because a hostile or
 * overtaken list may be of any shape: a number of hops that no
 * list exceeds, orders that never decrease, and no place that was remembered before.
 *
 * It is valid as long as the section or the peek in which it was begun. A writer that
 * was expelled in between begins again: its @at may lie in a block that is in use for
 * something else (grace_renewals()).
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
 * A walk over all live entries in list order. table_first() starts at a bucket that is
 * at @from or in front of it, so the caller skips orders before @from. table_next()
 * advances to the next live entry and returns its order, which never decreases.
 * -ENOENT: there is none up to @until. -EAGAIN: a holder of the previous order may have
 * been missed; the walk is to begin again there. -EUCLEAN: damage; -ENOMEM: what
 * follows is not mapped in this process.
 */
void table_first(const struct segment *s, order_t from, order_t until, struct table_walk *walk);
int table_next(const struct segment *s, const struct life_table *lives, struct table_walk *walk,
	       struct found *out, order_t *order);

/*
 * A walk over the live entries that match @q, q->owner included: the line of a key.
 * -ENOENT, -EUCLEAN, -ENOMEM. An entry that is put in front of another one during the
 * walk can be missed; table_held(), called afterwards, returns false in that case.
 */
void table_line(const struct segment *s, const struct query *q, struct table_walk *walk);
int table_line_next(const struct segment *s, const struct life_table *lives, const struct query *q,
		    struct table_walk *walk, struct found *out);
bool table_held(const struct table_walk *walk);

/*
 * The entry that matches @q at @place: one walk. -ENOENT, -EUCLEAN, -ENOMEM. It walks
 * and does not read @place alone, because only the list tells whether that block still
 * is an entry.
 */
int table_find_at(const struct segment *s, const struct life_table *lives, const struct query *q,
		  place_t place, struct found *out);

/*
 * The slow half of table_find(), which calls it after an entry of the key that does not
 * count. The result holds although names are taken over meanwhile. -EAGAIN: the name
 * changed its owner during each of many tries.
 */
int table_find_again(const struct segment *s, const struct life_table *lives, const struct query *q,
		     struct found *out);

/*
 * The bound of every retry loop. Contention alone does not reach it: each failed try
 * means that another process succeeded. Beyond it, stores of a hostile process keep the
 * loop going.
 */
#define TABLE_TRIES (1u << 20)

/*
 * Where a new entry goes among those of its order. If keys are unique, a name belongs
 * to the first living entry with it, and the entries behind that one are its line.
 *
 * LINK_FIRST and LINK_LAST are for duplicate keys, where any number of entries match.
 */
enum table_rule {
	LINK_IF_FREE, /* -EEXIST if any entry matches; but in front of the first match if that
		       * is another owner's and yields */
	LINK_IN_LINE, /* at the end; -EEXIST if one of self's own matches */
	LINK_BEFORE,  /* in front of the first match, if that is replaceable; else -EEXIST. If it
		       * would be dropped as well: table_take() */
	LINK_FIRST,   /* in front of the first match: many entries of one key cost no walk */
	LINK_LAST,
};

/* The result of table_link(); after an error only @holder is set, at -EEXIST. */
struct linked {
	struct found holder; /* at -EEXIST: the entry that has the key, seen alive */
	uint32_t ahead;      /* how many matching entries are in front */
	bool front;          /* it is in front of one that was replaceable */
	bool crowded;        /* the table may be too small */
	bool unready;        /* there is something for table_prepare() */
};

/*
 * Links @place under @q by @rule. All of the entry but its link is filled in, and the
 * caller has named it in HAZARD_NEW: from the CAS on another thread of the owner may
 * unregister it, and its memory could be reused while this call still counts and
 * announces it. -EEXIST, -EUCLEAN, -ENOMEM; then the entry is in no list.
 */
int table_link(const struct writer *w, const struct query *q, place_t place, enum table_rule rule,
	       struct linked *out);

/*
 * The first living entry that matches @q, q->owner included, after marked and dead
 * entries in front of it were cleared away. Afterwards an entry can only be put in
 * front of it by a call that has seen it, so a taker-over that was stopped earlier
 * fails. -ENOENT, -EUCLEAN, -ENOMEM. Write section.
 */
int table_find_first(const struct writer *w, const struct query *q, struct found *out);

/*
 * Unregisters @found, which is self's own and named in HAZARD_OWN: without the hazard
 * its block could be another entry by the time of the CAS. -ENOENT: it is unregistered
 * already, by another thread. *place is the entry's, which is in no list any longer; 0:
 * damage keeps it there, and its memory must not be reused.
 */
int table_unlink(const struct writer *w, const struct query *q, const struct found *found,
		 place_t *place);

/*
 * Takes the name over from @holder, which table_link() has returned with -EEXIST, and which
 * entry_is_dropped(): puts @place in its stead, atomically as table_replace(). @place is
 * filled in and named as for table_link(), @holder is named in HAZARD_OWN by a grace_protect()
 * that returned true. -ENOENT: @holder is no longer registered, and @place is in no list.
 * *old as there; @holder's owner does not retire it, the caller does.
 */
int table_take(const struct writer *w, const struct query *q, const struct found *holder,
	       place_t place, place_t *old);

/*
 * Replaces @found by @place atomically: a search finds one of the two, never neither.
 * @place is filled in as for table_link(), @found as for table_unlink(). -ENOENT:
 * @found is no longer registered, and @place is in no list. *old as *place of
 * table_unlink().
 */
int table_replace(const struct writer *w, const struct query *q, const struct found *found,
		  place_t place, place_t *old);

/*
 * Seeks the entry at @place in @q's order, so that it is in no list afterwards, and clears its
 * cells. It is marked or dead, or was never linked, and the caller has named it by a hazard.
 * Nobody may reuse the memory of a marked entry before that. -EUCLEAN, -ENOMEM: it may be left in
 * a list, and its memory must not be reused. It takes time in proportion to the entries in front.
 */
int table_purge(const struct writer *w, const struct query *q, place_t place);

/*
 * For an entry of @q at @place, named by a hazard, that may have become the first of its
 * key: one that was reserved or had waited. Lookups find it by the index from then on,
 * and by the list until then. False: one of another owner is in front of it. If it is a gift, another
 * process may have replaced it; the first entry is @owner's then, at another place.
 */
bool table_settle(const struct writer *w, const struct query *q, owner_t owner, place_t place);

/*
 * Links the bucket for @hash if it is not linked, and returns the nearest one that is,
 * with its word; NULL: damage. Where a living process is linking the bucket, that is
 * the parent: nobody waits. Write section.
 */
uint64_t *table_bucket_make(const struct writer *w, uint32_t hash, ref_t *word);

/*
 * Makes one step towards doubling the buckets if there are few for @entries. It reserves
 * memory of the file, so it may make a system call. Write section.
 */
void table_grow(const struct segment *s, uint64_t entries);

/* How many bytes of the file are reserved for buckets; a figure, never less than a page. */
uint64_t table_bytes(const struct segment *s);

/*
 * Links a few buckets ahead of need and builds their lines of the index, so that a search
 * after a doubling does not start at a distant parent for long; and builds the line for
 * @hash if that is not complete. Write section.
 */
void table_prepare(const struct writer *w, uint32_t hash);

/* Whether there are buckets that table_prepare() has not come to. */
static inline bool table_is_behind(const struct segment *s)
{
	/* relaxed: a hint; what is missed is seen by the next call */
	return load_relaxed(&s->header->prepare) <
	       segment_buckets_of(load_relaxed(&s->header->buckets)); /* relaxed: as above */
}

#endif
