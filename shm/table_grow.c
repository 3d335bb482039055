/* SPDX-License-Identifier: MIT */
/*
 * Buckets: how the table grows without a pause and without moving an entry.
 *
 * The array of buckets has room for all there can ever be. The next part of it is
 * reserved a step at a time, and once all of it is reserved, raising one number doubles
 * the table. The new part is all 0. A bucket that is 0 is replaced by its parent in
 * searches; it is put into the list when a writer first needs it, or a little ahead of
 * that.
 *
 *   word of a bucket     means                       becomes, by                if it dies there
 *   0                    not in the list             {C, me}, CAS               nothing happened
 *   {C, me, target}      private to me, to be        {C, me, other target},     {C, heir, target},
 *                        linked in front of target   CAS by me; then the link   CAS by an heir
 *                                                    in front of it, CAS by me
 *   {C, any, target},    linked                      target, CAS by any writer  the same
 *   and the list leads
 *   here
 *   a reference          in the list, for ever       another, as any link
 *
 * The claimant is in the word, so no second process ever links a bucket while the first
 * may still do so. A claimant that is stopped keeps one bucket out of the list:
 * searches for it start at the parent, which costs some hops and no waiting. An heir
 * finds out by a seek whether the dead claimant's bucket is linked: no other process
 * could change that.
 *
 * A claim names its process, not its thread: a second thread of it sees a living
 * claimant and uses the parent. After exec every process does, until the claiming
 * process ends: the claim is then the only trace of a program that is gone, and costs
 * the same few hops.
 */
#include "shm/table.h"

#include <errno.h>

#include "shm/index.h"
#include "shm/query.h"
#include "shm/table_seek.h"

/*
 * How many buckets a registration links ahead. The next doubling comes after half as
 * many registrations as there are new buckets or more; with 8 all are linked in a quarter
 * that time.
 */
#define PREPARE_BUCKETS 8u

/*
 * How much of the array of buckets one call reserves: a page with its lines, 36 KiB; where
 * keys are not unique, many pages. The call waits until the kernel has filled them, and
 * keeps its section open for so long.
 */
#define RESERVE_UNIQUE SEGMENT_PAGE
#define RESERVE_STEP (16 * SEGMENT_PAGE)

/*
 * The next half is reserved while the last one in so many entries is added, so that most
 * of these calls reserve nothing, and all of it is there when it is needed.
 */
#define RESERVE_EARLY 8u

/*
 * The number of entries from which on @buckets are too few: half of the buckets; or as many
 * as their lines hold.
 */
static uint64_t entries_for(const struct segment *s, uint64_t buckets)
{
	return s->unique ? buckets * SEGMENT_BUCKET_ENTRIES : buckets / 2;
}

/* The parent of @bucket. That is not 0, which has none: __builtin_clz(0) is undefined. */
static uint32_t bucket_parent(uint32_t bucket)
{
	return bucket & ~(0x80000000u >> __builtin_clz(bucket));
}

/*
 * Whether the process of @claim may still link its bucket. The claim has only 14 bits
 * of the incarnation, so a later life of the seat may pass for the claimant: then the
 * bucket stays out of the list until that one ends too. The opposite error, which would
 * let two processes link one bucket, cannot happen.
 */
static bool claimant_is_alive(const struct life_table *lives, ref_t claim)
{
	uint32_t seat = ref_claim_seat(claim);
	uint64_t life;

	if (seat >= lives->seats)
		return false;
	/*
	 * ORD[claimant_is_alive:A] acquire: the end of a life, then whether the list
	 * leads to what it had claimed; pairs with kernel sched_process_exit, as
	 * life_look()
	 */
	life = load_acquire(&lives->words[seat]);
	return (uint32_t)life && !(life & LIFE_OVER) &&
	       ((life >> LIFE_INCARNATION_SHIFT) & 0x3fff) == ref_claim_incarnation(claim);
}

/*
 * Claims the bucket for @self, to be linked in front of @target. *word is the expected
 * word, and afterwards the claim. False: another process was first. Of several heirs
 * one succeeds.
 */
static bool bucket_claim(uint64_t *bucket, ref_t *word, ref_t target, owner_t self)
{
	ref_t claim = ref_claim(target, owner_seat(self), owner_incarnation(self));

	if (!table_cas(bucket, word, claim))
		return false;
	*word = claim;
	return true;
}

/*
 * Links bucket @number, whose word is our @claim, starting at its parent's link. Also
 * for an heir: if the seek finds the bucket in the list, the dead claimant has linked
 * it, and only the claim is left to be resolved. -EUCLEAN, -ENOMEM: the claim stays
 * ours, and goes with us.
 *
 *   step                                     killed, stopped or exec here
 *   1 seek the place                         a claim; an heir goes on with 1
 *   2 CAS the claim's target to what follows the same
 *   3 CAS the link in front to the bucket    linked; a writer that passes does 4
 *   4 CAS the claim to its target            done
 *
 * In this order: after 3 searches come through the bucket's word, so it has to say by
 * then what follows. If the target is cleared away between 2 and 3, the link in front
 * has changed, 3 fails, and 1 is repeated.
 */
static int bucket_link(const struct writer *w, uint32_t number, ref_t claim, uint64_t *parent,
		       ref_t parent_word)
{
	struct query q = { .order = order_of_bucket(number) };
	uint64_t *bucket = &w->s->buckets[number];
	struct position at;
	uint32_t tries;
	int err;

	for (tries = 0;; tries++) {
		if (tries == TABLE_TRIES)
			return -EUCLEAN;
		err = table_seek(w, parent, parent_word, &q, &at);
		if (err)
			return err;
		if (at.found)
			break;
		/* Claimed by us and not linked, so nobody else may write the word. */
		if (!bucket_claim(bucket, &claim, at.seen, w->self))
			return -EUCLEAN;
		if (table_cas_in(w, at.in, at.link, &at.seen,
				 ref_make(number, q.order))) /* happens here */
			break;
		parent_word = table_load(parent);
	}
	/*
	 * While the claim stands nobody clears away what it leads to: step_into_bucket()
	 * resolves it first. So if the CAS succeeds, the target's key was read correctly.
	 */
	claim = table_load(bucket);
	for (tries = 0; (claim & REF_CLAIM) && tries < TABLE_TRIES; tries++) {
		ref_t plain;

		err = table_unclaim(w->s, claim, &plain);
		if (err)
			return err;
		table_cas(bucket, &claim, plain);
		claim = table_load(bucket);
	}
	return 0;
}

/*
 * Links bucket @number if need be; whether it is in the list afterwards. Its parent is,
 * so the seek starts close by. False is no error: a living process is linking it, or
 * there is damage. The caller uses the nearest ancestor then, and does not wait.
 */
static bool bucket_make(const struct writer *w, uint32_t number)
{
	uint64_t *bucket = &w->s->buckets[number];
	ref_t word = table_load(bucket), parent_word;
	uint64_t *parent;

	if (word != REF_NONE && !(word & REF_CLAIM))
		return true;
	if (word != REF_NONE && claimant_is_alive(w->lives, word))
		return false;
	/*
	 * In the fallback a thread of a dead claimant may still be running towards its step
	 * 3; see grace.c. The fence ends it; without that it could link the bucket while its
	 * word holds the heir's target, which need not be what follows there.
	 */
	if (word != REF_NONE && !w->lives->facts)
		grace_fence();
	if (!bucket_claim(bucket, &word, word == REF_NONE ? REF_END : word, w->self))
		return false;
	return table_bucket(w->s, bucket_parent(number), &parent, &parent_word) &&
	       !bucket_link(w, number, word, parent, parent_word);
}

uint64_t *table_bucket_make(const struct writer *w, uint32_t hash, ref_t *word)
{
	uint32_t number = hash & (uint32_t)(segment_buckets(w->s) - 1), bits;
	uint64_t *bucket;

	*word = table_load(&w->s->buckets[number]);
	if (caa_likely(*word != REF_NONE && !(*word & REF_CLAIM)))
		return &w->s->buckets[number];
	/* The ancestors from the lowest bit on: each is the parent of the next. */
	for (bits = 1; bits; bits <<= 1) {
		if ((number & bits) && !bucket_make(w, number & (bits | (bits - 1))))
			break;
	}
	return table_bucket(w->s, hash, &bucket, word) ? bucket : NULL;
}

/*
 * The line of a new bucket, and that of its parent, which has lost a part of its entries
 * and has room again.
 */
static void lines_build(const struct writer *w, uint32_t number)
{
	index_build(w, number);
	if (!number)
		return;
	index_narrow(w->s, bucket_parent(number));
	index_build(w, bucket_parent(number));
}

/*
 * What linking @number and building its line will read: the entries of its parent. A walk
 * along the list waits for them one after the other.
 */
static void fetch_entries(const struct segment *s, uint32_t number)
{
	const struct index_line *line = &s->lines[number ? bucket_parent(number) : 0];
	uint32_t i;

	for (i = 0; i < INDEX_CELLS; i++) {
		/* relaxed: a hint, checked as any place */
		const void *entry = segment_entry(s, ref_place(load_relaxed(&line->cells[i])));

		if (entry)
			__builtin_prefetch(entry);
	}
}

void table_prepare(const struct writer *w, uint32_t hash)
{
	/*
	 * Two threads may take the same numbers, and a killed one's stay unlinked: both
	 * cost only that the bucket is linked when it is first needed.
	 */
	/* relaxed: a number that is old or taken twice costs a look */
	uint64_t buckets = segment_buckets_of(load_relaxed(&w->s->header->buckets));
	uint64_t next = load_relaxed(&w->s->header->prepare); /* relaxed: as above */
	uint64_t i;
	ref_t word;

	if (!segment_buckets_can_be(w->s, buckets) || segment_see_buckets(w->s) < buckets)
		return;
	if (w->s->lines)
		index_build(w, hash & (uint32_t)(buckets - 1));
	/* Lines cannot be built before that. */
	if (next >= buckets || (w->s->lines && !index_level_is_settled(w, buckets)))
		return;
	/* relaxed: as above */
	next = fetch_add_relaxed(&w->s->header->prepare, PREPARE_BUCKETS);
	for (i = next; w->s->lines && i < next + PREPARE_BUCKETS && i < buckets; i++)
		fetch_entries(w->s, (uint32_t)i);
	for (i = next; i < next + PREPARE_BUCKETS && i < buckets; i++) {
		table_bucket_make(w, (uint32_t)i, &word);
		if (w->s->lines)
			lines_build(w, (uint32_t)i);
	}
}

/*
 * How many bytes of the array are certain to be reserved while it has @buckets. The
 * header's number is a hint that anybody may have damaged: one that cannot be is
 * ignored, because a number too large would make table_grow() double onto memory whose
 * touch is SIGBUS.
 */
static uint64_t buckets_ready(const struct segment *s, uint64_t buckets)
{
	/* relaxed: a number that is too small costs another look at what is reserved */
	uint64_t ready = load_relaxed(&s->header->buckets_ready);
	uint64_t least = buckets * sizeof(uint64_t);

	return ready > least && ready <= 2 * least && !(ready % SEGMENT_PAGE) ? ready : least;
}

/*
 * Reserves the buckets of @bytes of the array from @from on, with their lines.
 */
static int buckets_reserve(const struct segment *s, uint64_t from, uint64_t bytes)
{
	const uint64_t lines = sizeof(struct index_line) / sizeof(uint64_t);
	int err = segment_reserve(s, s->buckets_offset + from, bytes);

	return err || !s->unique
		       ? err
		       : segment_reserve(s, s->lines_offset + from * lines, bytes * lines);
}

/*
 * How many bytes of the array, of which @least are in use, should be reserved by the time
 * that there are @entries. From some entries before the doubling on it grows with each, up
 * to twice as much.
 */
static uint64_t bytes_due(const struct segment *s, uint64_t buckets, uint64_t entries)
{
	uint64_t least = buckets * sizeof(uint64_t), most = entries_for(s, buckets);
	uint64_t early = most / RESERVE_EARLY;

	if (entries >= most)
		return 2 * least;
	if (entries + early <= most)
		return least;
	return least + (entries + early - most) * (least / early + 1);
}

/*
 *   step                                       killed, stopped or exec here
 *   1 reserve the next piece of the new half   reserved memory that the next caller finds so
 *   2 CAS buckets_ready up                     the same, and others need not reserve it
 *   3 once all is reserved, and the entries    the table is twice as wide
 *     are too many, CAS buckets * 2
 *
 * In this order: the moment the number doubles, every process touches the new half, and
 * what is not reserved is SIGBUS on a full file system. Each CAS expects an old number,
 * so one that comes late changes nothing. No call does more than one piece, and none waits
 * for another's: a process that is stopped in step 1 has the kernel fill pages that others
 * fill meanwhile.
 */
void table_grow(const struct segment *s, uint64_t entries)
{
	/* relaxed: the CAS looks again */
	uint64_t word = load_relaxed(&s->header->buckets), buckets = segment_buckets_of(word);
	uint64_t wanted, ready, step, seen;

	if (!segment_buckets_can_be(s, buckets) || buckets < SEGMENT_BUCKETS_FIRST ||
	    buckets >= s->buckets_max)
		return;
	wanted = 2 * buckets * sizeof(uint64_t);
	ready = buckets_ready(s, buckets);
	if (ready >= bytes_due(s, buckets, entries) && entries < entries_for(s, buckets))
		return;
	step = s->unique ? RESERVE_UNIQUE : RESERVE_STEP;
	step = wanted - ready < step ? wanted - ready : step;
	/* If there is no room, the table keeps its size, with longer chains. */
	if (step && buckets_reserve(s, ready, step))
		return;
	seen = load_relaxed(&s->header->buckets_ready); /* relaxed: as in buckets_ready() */
	/* relaxed: it says that what is all 0 is reserved */
	if (seen < ready + step)
		cas_relaxed(&s->header->buckets_ready, &seen, ready + step);
	/*
	 * ORD[table_grow:A] acq_rel: the memory, which is all 0, then the number; pairs with
	 * index_probe:A, index_alone:D, index_start:A, index_buckets:A, line_at_once:A, look_index:A, look_renew:B. It
	 * happens here.
	 */
	if (ready + step == wanted && entries >= entries_for(s, buckets))
		cas_acq_rel(&s->header->buckets, &word, word + buckets);
}

uint64_t table_bytes(const struct segment *s)
{
	/* relaxed: a figure */
	uint64_t buckets = segment_buckets_of(load_relaxed(&s->header->buckets));
	uint64_t ready = buckets <= s->buckets_max ? buckets_ready(s, buckets) : 0;

	if (ready < SEGMENT_PAGE)
		ready = SEGMENT_PAGE;
	return ready / sizeof(uint64_t) * segment_bucket_bytes(s);
}
