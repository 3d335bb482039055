/* SPDX-License-Identifier: MIT */
/*
 * Slabs change hands by one CAS of their directory word.
 *
 * Any process may die at any instruction, so memory belongs to a life, one slab at a
 * time. As the word is also the record of ownership, there is no moment at which a slab
 * belongs to nobody that can be asked, and no list or lock that a death could leave half
 * changed.
 *
 *   word           means                    becomes, by                  if it dies there
 *   0              free                     an owner, land_take()        no effect
 *   owner          that owner's             0, land_return()             it is the dead's
 *                                           retired, land_retire_from()
 *   owner, over    the dead's               retired, land_retire_from()  no effect
 *   retired, e     readers may be in it     an owner, land_take(), when  no effect
 *                                           e is past and no hazard
 *                                           names a place in it
 *   below 2^32     unowned: gift.c, meta.c  retired, land_retire_from()  no effect
 *
 * Memory that must not go with its maker, or whose user cannot be named in advance,
 * becomes unowned before anything leads to it. Were it handed over after the link, the
 * process that has to do so could be killed, be stopped or call exec before it does.
 *
 * Not here: what is inside a slab (heap.c), the search for the dead (sweep.c).
 */
#include "shm/land.h"

#include <errno.h>

/*
 * How many slabs one search looks at before it prefers new land; the next search
 * continues from there. A full pass over a large registry for each slab would cost more
 * than the land.
 */
#define SEARCH_SLABS 1024u
/*
 * At most this many are reserved at once, 32 KiB: the call that needs the first of them
 * waits until the kernel has filled all. Also, a file system that is nearly full is not
 * filled ahead of need, and a stopped process leaves little that no word counts.
 */
#define EXTEND_SLABS (2 * SLAB_RUN)

/*
 * If a search sees so many vacated slabs that wait, two epochs are cheaper than more land. Each
 * heap that is in a hurry leaves half as many waiting at once, and takes them again itself
 * (heap_vacate.c).
 */
#define VACATED_MANY 512u

/* Of a slab. */
#define LINES (SLAB_BYTES / LINE_BYTES)

/* What is retired and waits for its grace period. */
struct waiting {
	uint32_t vacated; /* by heaps, which begin epochs themselves */
	bool others;      /* of the dead, and whatever else only a search finds */
};

/*
 * The parameters of one land_take(). @named caches the hazards for all slabs it looks at.
 */
struct taking {
	const struct segment *s;
	const struct life_table *lives;
	owner_t self;
	struct grace_named *named;
	/* Of those that were looked at. */
	struct waiting *waiting;
};

uint64_t land_owner(const struct segment *s, uint32_t slab)
{
	/*
	 * ORD[land_owner:A] acquire: the word, then what its owner wrote in the slab
	 * before; pairs with land_take_one:A, land_return:A, land_disown:A
	 */
	return load_acquire(&s->directory[slab].owner);
}

uint64_t land_about(const struct segment *s, uint32_t slab)
{
	/* relaxed: written while nothing in the slab is linked, or behind its word */
	return load_relaxed(&s->directory[slab].about);
}

void land_describe(const struct segment *s, uint32_t slab, uint64_t about)
{
	store_relaxed(&s->directory[slab].about, about); /* relaxed: as in land_about() */
}

uint32_t land_slabs(const struct segment *s)
{
	return segment_see_slabs(s);
}

/*
 * Whether a slab with @word may be taken: it is free, or retired long enough ago and
 * named by no hazard. A slab of the dead is not: its entries are still in the list.
 */
static bool land_is_free(const struct taking *t, uint32_t slab, uint64_t word)
{
	bool is_free;

	if (!land_is_retired(word))
		return !word;
	/*
	 * A hazard names an entry. If that is a gift, the next slabs have its value and must not
	 * be used again either.
	 */
	is_free = grace_is_free(t->s, t->lives, t->named, word & ~LAND_RETIRED,
				segment_slab_place(t->s, slab) - (SLAB_GIFT_MAX - 1) * LINES,
				SLAB_GIFT_MAX * LINES);
	if (is_free)
		return true;
	if ((land_about(t->s, slab) & (LAND_MAKER | LAND_VACATED)) == LAND_VACATED)
		t->waiting->vacated++;
	else
		t->waiting->others = true;
	return false;
}

/* False: it is in use, or another process was first. */
static bool land_take_one(const struct taking *t, uint32_t slab)
{
	const struct segment *s = t->s;

	/* relaxed: the CAS checks it */
	uint64_t seen = load_relaxed(&s->directory[slab].owner);

	if (!land_is_free(t, slab, seen))
		return false;
	/*
	 * ORD[land_take_one:A] acq_rel: what the last owner did there, then what we do;
	 * pairs with land_return:A, land_owner:A, land_retire_from:A, land_take_back:A.
	 * The slab is ours from here on.
	 */
	return cas_acq_rel(&s->directory[slab].owner, &seen, t->self);
}

void land_return(const struct segment *s, uint32_t slab)
{
	/*
	 * ORD[land_return:A] release: all we did in the slab, then the word. A plain
	 * store, as no other process changes the word of a living owner, and a sweep of
	 * the dead fences before it retires; pairs with land_take_one:A, land_owner:A
	 */
	store_release(&s->directory[slab].owner, 0ull);
}

bool land_retire_from(const struct segment *s, uint32_t slab, owner_t seen)
{
	/*
	 * The stamp is taken after the unlinking; that of an earlier epoch would free it
	 * too soon.
	 */
	uint64_t next = LAND_RETIRED | grace_stamp(s);

	/*
	 * ORD[land_retire_from:A] acq_rel: the unlinking, with the fence of
	 * grace_stamp(), then the word; pairs with land_take_one:A, and with kernel
	 * sched_process_exit, after which the dead store nothing more
	 */
	return cas_acq_rel(&s->directory[slab].owner, &seen, next);
}

int land_disown(const struct segment *s, uint32_t slab, const struct life_self *self, uint64_t next)
{
	uint64_t seen = self->owner;

	/*
	 * The maker first: once the word says "unowned", any process may ask whether the
	 * maker can still link it, and without an answer would take it for gone. With the
	 * image, because a program that was replaced by exec links nothing more.
	 */
	land_describe(s, slab, LAND_MAKER | owner_with_image(self->owner, self->image));
	/*
	 * ORD[land_disown:A] acq_rel: what we did in the slab, and who we are, then the
	 * word; pairs with land_owner:A, gift_maker:A
	 */
	return cas_acq_rel(&s->directory[slab].owner, &seen, next) ? 0 : -EOWNERDEAD;
}

bool land_rename(const struct segment *s, uint32_t slab, uint64_t seen, uint64_t next)
{
	/* relaxed: it only repeats what the list says */
	return cas_relaxed(&s->directory[slab].owner, &seen, next);
}

void land_take_back(const struct segment *s, uint32_t slab, uint64_t word)
{
	/*
	 * ORD[land_take_back:A] acq_rel: all we did in the slab, then the word; pairs
	 * with land_take_one:A
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

/*
 * Takes all of [@slab, @slab + @count), or none. Killed in between: each slab taken so
 * far is the dead's by its own word.
 */
static bool land_take_run(const struct taking *t, uint32_t slab, uint32_t count)
{
	uint32_t taken;

	/* First only looked at, as nobody else can take what is taken and given back. */
	for (taken = 0; count > 1 && taken < count; taken++) {
		/* relaxed: the CAS checks it */
		if (!land_is_free(t, slab + taken,
				  load_relaxed(&t->s->directory[slab + taken].owner)))
			return false;
	}
	for (taken = 0; taken < count; taken++) {
		if (!land_take_one(t, slab + taken))
			break;
	}
	if (taken == count)
		return true;
	/* Without a grace period: nothing was linked in them. */
	while (taken--)
		land_return(t->s, slab + taken);
	return false;
}

/* The next slab, from @slab on, at which so many may begin. */
static uint32_t land_aligned(uint32_t slab, uint32_t count)
{
	return count == SLAB_RUN ? (slab + SLAB_RUN - 1) / SLAB_RUN * SLAB_RUN : slab;
}

/*
 * Looks at up to @limit slabs from *from on, around the end; *from moves on even if it
 * fails, so that processes and calls do not all retry the same slabs.
 */
static bool land_search(const struct taking *t, uint32_t count, uint32_t *from, uint32_t limit,
			uint32_t *slab)
{
	uint32_t slabs = land_slabs(t->s), looked;
	uint32_t round = count == SLAB_RUN ? slabs / SLAB_RUN + 1 : slabs;

	for (looked = 0; looked < limit && looked < round; looked++) {
		uint32_t at = land_aligned(*from, count);

		if (at >= slabs)
			at = 0;
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
 * Reserves @more slabs behind @slabs and publishes their number. Several processes may do
 * so at once, because reserving what is reserved has no effect. 0: land_slabs() is above
 * @slabs now, so a caller that loops makes progress. -ENOMEM: there is more land, which
 * this process cannot map. -EUCLEAN: damage.
 */
static int land_extend_by(const struct segment *s, uint32_t slabs, uint64_t more)
{
	uint64_t seen = slabs, next = slabs + more;
	int err = segment_reserve_slabs(s, slabs, more);

	if (err)
		return err;
	/*
	 * Only after it was reserved: any process may touch what is below this number,
	 * and would get SIGBUS on a full file system. relaxed: new land is all 0, and
	 * nothing in it is linked
	 */
	if (cas_relaxed(&s->header->slabs, &seen, next))
		seen = next;
	if (land_slabs(s) > slabs)
		return 0;
	return seen > slabs ? -ENOMEM : -EUCLEAN;
}

/*
 * Reserves land for @count slabs and, if there is room, an eighth of what there is more, up to
 * where a run of them ends.
 */
static int land_extend(const struct segment *s, uint32_t count)
{
	uint32_t slabs = land_slabs(s);
	/* An owner that takes single slabs is a small one, and a page costs some us. */
	uint64_t most = count < SLAB_RUN ? SLAB_RUN : EXTEND_SLABS;
	uint64_t more = slabs / 8 < most ? slabs / 8 : most;
	int err;

	count += land_aligned(slabs, count) - slabs;
	if (more < count)
		more = count;
	more += (SLAB_RUN - (slabs + more) % SLAB_RUN) % SLAB_RUN;
	if (slabs + more > s->slabs_mapped)
		more = s->slabs_mapped - slabs;
	if (more < count)
		return s->slabs_mapped < s->slabs_max ? -ENOMEM : -ENOSPC;
	err = land_extend_by(s, slabs, more);
	/* Where there is not so much room, what was asked for may still fit. */
	return err && more > count ? land_extend_by(s, slabs, count) : err;
}

/* Two epochs for what waits, and a search after each of them. */
static bool land_search_later(const struct taking *t, uint32_t count, uint32_t *from,
			      uint32_t limit, uint32_t *slab)
{
	int epochs;

	for (epochs = 0; epochs < 2; epochs++) {
		if (grace_advance(t->s, t->lives, GRACE_PATIENT, NULL))
			return false;
		if (land_search(t, count, from, limit, slab))
			return true;
	}
	return false;
}

/* Whether two epochs are due before there is more land. */
static bool waits_much(const struct waiting *waiting, uint32_t count)
{
	/* Of a run only the first one was looked at. */
	return waiting->others ||
	       waiting->vacated * (count == SLAB_RUN ? SLAB_RUN : 1) >= VACATED_MANY;
}

int land_take(const struct segment *s, const struct life_table *lives, owner_t self, uint32_t count,
	      uint32_t *from, uint32_t *slab)
{
	struct grace_named named = { .epoch = 0 };
	struct waiting waiting = { 0 };
	const struct taking t = { s, lives, self, &named, &waiting };
	int err;

	if (land_search(&t, count, from, SEARCH_SLABS, slab))
		return 0;
	/*
	 * Here, and not where a slab is retired: an epoch interrupts all CPUs that run a process
	 * with a registry, and this way two are for all slabs that were retired meanwhile.
	 */
	if (waits_much(&waiting, count) && land_search_later(&t, count, from, SEARCH_SLABS, slab))
		return 0;
	/* The newest ones, of which an owner that needed one has left the others. */
	if (land_slabs(s) > EXTEND_SLABS)
		*from = land_slabs(s) - EXTEND_SLABS;
	if (land_search(&t, count, from, EXTEND_SLABS, slab))
		return 0;
	/*
	 * Other processes may take the new slabs first, so this repeats until it gets
	 * some or nothing can be added.
	 */
	for (;;) {
		*from = land_slabs(s);
		err = land_extend(s, count);
		if (err)
			break;
		if (land_search(&t, count, from, count + EXTEND_SLABS, slab))
			return 0;
	}
	/* No new land; so every slab is looked at before the call fails, and what waits is waited for. */
	*from = 0;
	waiting = (struct waiting){ 0 };
	if (land_search(&t, count, from, land_slabs(s), slab) ||
	    ((waiting.others || waiting.vacated) &&
	     land_search_later(&t, count, from, land_slabs(s), slab)))
		return 0;
	return err;
}

bool land_take_again(const struct segment *s, const struct life_table *lives, owner_t self,
		     uint32_t slab, uint32_t count)
{
	struct grace_named named = { .epoch = 0 };
	struct waiting waiting = { 0 };
	const struct taking t = { s, lives, self, &named, &waiting };

	return land_take_run(&t, slab, count);
}
