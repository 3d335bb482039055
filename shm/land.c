/* SPDX-License-Identifier: MIT */
/*
 * Memory belongs to whoever may die, a slab at a time. One word for each slab says whose it is, and
 * a slab changes hands by one CAS of that word, so there is no moment at which it belongs to
 * nobody that can be asked.
 *
 *   word           means                    becomes, by                  if the taker dies there
 *   0              anybody's                an owner, land_take()        nothing has happened
 *   owner          that owner's             0, land_return()             it is the dead's
 *                                           retired, land_retire_from()
 *   owner, over    the dead's               retired, land_retire_from()  nothing has happened
 *   retired, e     readers may stand in it  an owner, land_take()        nothing has happened
 *                                           when e is past and no
 *                                           hazard names a place in it
 *   below 2^32     nobody's: gift.c, meta.c retired, land_retire_from()  nothing has happened
 *
 * Memory that must not go with its maker, or cannot be named by whoever uses it, is nobody's before anything
 * leads to it. So nothing has to be handed over afterwards, by a process that may be killed, stopped or call
 * exec before it does.
 *
 * Not here: what is inside a slab (heap.c), who looks for the dead (sweep.c).
 */
#include "shm/land.h"

#include <errno.h>

/* How far one search goes before it rather takes new land; the next one goes on from there. */
#define SEARCH_SLABS 1024u
#define EXTEND_SLABS 64u

/* Whoever takes slabs, and which places are not to be used yet. */
struct taking {
	const struct segment *s;
	const struct life_table *lives;
	owner_t self;
	struct grace_named *named;
};

uint64_t land_owner(const struct segment *s, uint32_t slab)
{
	/*
	 * ORD[land_owner:A] acquire: the word, then what its owner wrote in the slab before; pairs
	 * with land_take_one:A, land_return:A, land_disown:A
	 */
	return load_acquire(&s->directory[slab].owner);
}

uint64_t land_about(const struct segment *s, uint32_t slab)
{
	/* relaxed: written while the slab holds nothing that is linked, or behind its word */
	return load_relaxed(&s->directory[slab].about);
}

void land_describe(const struct segment *s, uint32_t slab, uint64_t about)
{
	store_relaxed(&s->directory[slab].about, about); /* relaxed: as land_about() */
}

uint32_t land_slabs(const struct segment *s)
{
	return segment_see_slabs(s);
}

static bool land_is_free(const struct taking *t, uint32_t slab, uint64_t word)
{
	if (land_is_retired(word))
		return grace_is_free(t->s, t->lives, t->named, word & ~LAND_RETIRED,
				     segment_slab_place(t->s, slab), SLAB_BYTES / LINE_BYTES);
	return !word;
}

static bool land_take_one(const struct taking *t, uint32_t slab)
{
	const struct segment *s = t->s;

	/* relaxed: the CAS looks again */
	uint64_t seen = load_relaxed(&s->directory[slab].owner);

	if (!land_is_free(t, slab, seen))
		return false;
	/*
	 * ORD[land_take_one:A] acq_rel: what the last owner did there, then what we do; pairs with
	 * land_return:A, land_owner:A, land_retire_from:A, land_take_back:A
	 */
	return cas_acq_rel(&s->directory[slab].owner, &seen, t->self); /* happens here */
}

void land_return(const struct segment *s, uint32_t slab)
{
	/*
	 * ORD[land_return:A] release: all we did in the slab, then the word; pairs with
	 * land_take_one:A, land_owner:A
	 */
	store_release(&s->directory[slab].owner, 0ull); /* happens here */
}

bool land_retire_from(const struct segment *s, uint32_t slab, owner_t seen)
{
	uint64_t next = LAND_RETIRED | grace_stamp(s);

	/*
	 * ORD[land_retire_from:A] acq_rel: the unlinking, with the fence of grace_stamp(), then the word;
	 * pairs with land_take_one:A, and with kernel sched_process_exit, after which the dead store no more
	 */
	return cas_acq_rel(&s->directory[slab].owner, &seen, next); /* happens here */
}

int land_disown(const struct segment *s, uint32_t slab, const struct life_self *self, uint64_t next)
{
	uint64_t seen = self->owner;

	land_describe(s, slab, LAND_MAKER | owner_with_image(self->owner, self->image));
	/*
	 * ORD[land_disown:A] acq_rel: what we did in the slab, and who we are, then the word; pairs with
	 * land_owner:A, gift_maker:A
	 */
	return cas_acq_rel(&s->directory[slab].owner, &seen, next) ? 0 : -EOWNERDEAD;
}

bool land_rename(const struct segment *s, uint32_t slab, uint64_t seen, uint64_t next)
{
	/* relaxed: says no more than what the list says */
	return cas_relaxed(&s->directory[slab].owner, &seen, next);
}

void land_take_back(const struct segment *s, uint32_t slab, uint64_t word)
{
	/*
	 * ORD[land_take_back:A] acq_rel: all we did in the slab, then the word; pairs with
	 * land_take_one:A
	 */
	cas_acq_rel(&s->directory[slab].owner, &word, 0ull);
}

bool land_maker_is_alive(const struct segment *s, const struct life_table *lives, uint32_t slab)
{
	return life_image_is_alive(lives, land_about(s, slab) & ~LAND_MAKER);
}

bool land_is_dead(const struct life_table *lives, uint64_t word)
{
	return word >> 32 && !land_is_retired(word) && !life_is_alive(lives, word);
}

/* All of [@slab, @slab + @count), or none. */
static bool land_take_run(const struct taking *t, uint32_t slab, uint32_t count)
{
	uint32_t taken;

	for (taken = 0; taken < count; taken++) {
		if (!land_take_one(t, slab + taken))
			break;
	}
	if (taken == count)
		return true;
	while (taken--)
		land_return(t->s, slab + taken);
	return false;
}

static bool land_search(const struct taking *t, uint32_t count, uint32_t *from, uint32_t limit,
			uint32_t *slab)
{
	uint32_t slabs = land_slabs(t->s), looked;

	for (looked = 0; looked < limit && looked < slabs; looked++) {
		uint32_t at = *from < slabs ? *from : 0;

		*from = at + 1;
		if (at + count > slabs || !land_take_run(t, at, count))
			continue;
		*from = at + count;
		*slab = at;
		return true;
	}
	return false;
}

/*
 * Several may do so at once: to reserve what is there does nothing. 0: land_slabs() says more than @slabs now, so
 * that who repeats this comes to an end. -ENOMEM: there is more, which this process cannot map. -EUCLEAN: damage.
 */
static int land_extend_by(const struct segment *s, uint32_t slabs, uint64_t more)
{
	uint64_t seen = slabs, next = slabs + more;
	int err = segment_reserve_slabs(s, slabs, more);

	if (err)
		return err;
	/* relaxed: new land is all 0, and nothing in it is linked */
	if (cas_relaxed(&s->header->slabs, &seen, next))
		seen = next;
	if (land_slabs(s) > slabs)
		return 0;
	return seen > slabs ? -ENOMEM : -EUCLEAN;
}

/* Reserves more land; where there is not so much room, what is asked for. */
static int land_extend(const struct segment *s, uint32_t count)
{
	uint32_t slabs = land_slabs(s);
	uint64_t more = slabs / 8 < EXTEND_SLABS ? slabs / 8 : EXTEND_SLABS;
	int err;

	if (more < count)
		more = count;
	if (slabs + more > s->slabs_mapped)
		more = s->slabs_mapped - slabs;
	if (more < count)
		return s->slabs_mapped < s->slabs_max ? -ENOMEM : -ENOSPC;
	err = land_extend_by(s, slabs, more);
	return err && more > count ? land_extend_by(s, slabs, count) : err;
}

int land_take(const struct segment *s, const struct life_table *lives, owner_t self, uint32_t count,
	      uint32_t *from, uint32_t *slab)
{
	struct grace_named named = { .epoch = 0 };
	const struct taking t = { s, lives, self, &named };
	int err;

	if (land_search(&t, count, from, SEARCH_SLABS, slab))
		return 0;
	for (;;) {
		*from = land_slabs(s);
		err = land_extend(s, count);
		if (err)
			break;
		if (land_search(&t, count, from, count + EXTEND_SLABS, slab))
			return 0;
	}
	/* Nothing new is to be had; so look at everything before saying so. */
	*from = 0;
	return land_search(&t, count, from, land_slabs(s), slab) ? 0 : err;
}
