/* SPDX-License-Identifier: MIT */
/*
 * Buckets: how the table grows without a pause and without moving an entry.
 *
 * The array of buckets has room for all there can ever be; the next part of it is reserved a step at a time, and
 * when all of that is, doubling raises one number. The new part is all 0. A bucket that is 0 stands for its parent, and is
 * put into the list when a writer first comes by, or a little ahead of that.
 *
 *   word of a bucket     means                      becomes, by                 if he dies there
 *   0                    not in the list            {C, me}, CAS                nothing happened
 *   {C, me, target}      mine to link, in front     {C, me, other target},      {C, heir, target},
 *                        of target                  CAS by me; then the link    CAS by an heir
 *                        in front of it, CAS by me
 *   {C, anyone, target}  and the list leads here:   target, CAS by anyone       the same
 *                        it is linked
 *   a reference          in the list, for ever      another, as any link
 *
 * The claimant is in the word, so no second process ever links a bucket while the first may still do
 * so. One that was stopped there keeps one bucket out of the list: searches for it start at the
 * parent, which costs them some steps and no wait. An heir finds out whether the dead one's bucket
 * is linked by a seek: nobody else could change that.
 *
 * A claim names its process, not its thread: a second thread of it sees a living claimant and uses
 * the parent. So does everybody after exec, until the process ends: the claim is then the only trace
 * of a program that is gone, and costs the same few steps.
 */
#include "shm/table.h"

#include <errno.h>

#include "shm/query.h"
#include "shm/table_seek.h"

/* Linked ahead by each registration: the new half is done long before the next doubling. */
#define PREPARE_BUCKETS 4u

/* So much of the next half is reserved by one call, which may be inside of a section. */
#define RESERVE_STEP 65536u

static uint32_t bucket_parent(uint32_t bucket)
{
	return bucket & ~(0x80000000u >> __builtin_clz(bucket));
}

static bool claimant_is_alive(const struct life_table *lives, ref_t claim)
{
	uint32_t seat = ref_claim_seat(claim);
	uint64_t life;

	if (seat >= lives->seats)
		return false;
	/*
	 * ORD[claimant_is_alive:A] acquire: the end of a life, then whether the list leads to what it had
	 * claimed; pairs with kernel sched_process_exit, as life_look()
	 */
	life = load_acquire(&lives->words[seat]);
	return (uint32_t)life && !(life & LIFE_OVER) &&
	       ((life >> LIFE_INCARNATION_SHIFT) & 0x3fff) == ref_claim_incarnation(claim);
}

/* *word is what we expect at the bucket, and then our claim. */
static bool bucket_claim(uint64_t *bucket, ref_t *word, ref_t target, owner_t self)
{
	ref_t claim = ref_claim(target, owner_seat(self), owner_incarnation(self));

	if (!table_cas(bucket, word, claim))
		return false;
	*word = claim;
	return true;
}

/* Puts a bucket that we have claimed into the list, from its parent's link on. */
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
		/* Not linked, so the word is ours alone. */
		if (!bucket_claim(bucket, &claim, at.seen, w->self))
			return -EUCLEAN;
		if (table_cas_in(w, at.in, at.link, &at.seen,
				 ref_make(number, q.order))) /* happens here */
			break;
		parent_word = table_load(parent);
	}
	/* While the claim stands nobody clears away what it leads to: if the CAS succeeds, that was read right. */
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

/* Whether the bucket is in the list afterwards. Its parent is. */
static bool bucket_make(const struct writer *w, uint32_t number)
{
	uint64_t *bucket = &w->s->buckets[number];
	ref_t word = table_load(bucket), parent_word;
	uint64_t *parent;

	if (word != REF_NONE && !(word & REF_CLAIM))
		return true;
	if (word != REF_NONE && claimant_is_alive(w->lives, word))
		return false;
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
	/* From the nearest that is linked downwards: at each step the parent is there. */
	for (bits = 1; bits; bits <<= 1) {
		if ((number & bits) && !bucket_make(w, number & (bits | (bits - 1))))
			break;
	}
	return table_bucket(w->s, hash, &bucket, word) ? bucket : NULL;
}

void table_prepare(const struct writer *w)
{
	/* relaxed: a number that is old or taken twice costs a look */
	uint64_t buckets = load_relaxed(&w->s->header->buckets);
	uint64_t next = load_relaxed(&w->s->header->prepare); /* relaxed: as above */
	uint64_t i;
	ref_t word;

	if (next >= buckets || buckets > w->s->buckets_max)
		return;
	/* relaxed: as above */
	next = fetch_add_relaxed(&w->s->header->prepare, PREPARE_BUCKETS);
	for (i = next; i < next + PREPARE_BUCKETS && i < buckets; i++)
		table_bucket_make(w, (uint32_t)i, &word);
}

/* Bytes of the array, from its beginning, that are certain to be reserved while it has @buckets. */
static uint64_t buckets_ready(const struct segment *s, uint64_t buckets)
{
	/* relaxed: a number that is too small costs another look at what is reserved */
	uint64_t ready = load_relaxed(&s->header->buckets_ready);
	uint64_t least = buckets * sizeof(uint64_t);

	return ready > least && ready <= 2 * least && !(ready % SEGMENT_PAGE) ? ready : least;
}

void table_grow(const struct segment *s, uint64_t entries)
{
	/* relaxed: the CAS looks again */
	uint64_t buckets = load_relaxed(&s->header->buckets), wanted, ready, step, seen;

	if (entries < buckets / 2 || buckets < SEGMENT_BUCKETS_FIRST || buckets >= s->buckets_max)
		return;
	wanted = 2 * buckets * sizeof(uint64_t);
	ready = buckets_ready(s, buckets);
	step = wanted - ready < RESERVE_STEP ? wanted - ready : RESERVE_STEP;
	/* Where there is no room, the table goes on with longer chains. */
	if (step && segment_reserve(s, s->buckets_offset + ready, step))
		return;
	seen = load_relaxed(&s->header->buckets_ready); /* relaxed: as in buckets_ready() */
	/* relaxed: it says that what is all 0 is reserved */
	if (seen < ready + step)
		cas_relaxed(&s->header->buckets_ready, &seen, ready + step);
	/* relaxed: the new part is all 0, reserved, and leads nowhere */
	if (ready + step == wanted)
		cas_relaxed(&s->header->buckets, &buckets, buckets * 2); /* happens here */
}

uint64_t table_bytes(const struct segment *s)
{
	uint64_t buckets = load_relaxed(&s->header->buckets); /* relaxed: a figure */
	uint64_t ready = buckets <= s->buckets_max ? buckets_ready(s, buckets) : 0;

	return ready > SEGMENT_PAGE ? ready : SEGMENT_PAGE;
}
