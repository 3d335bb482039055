/* SPDX-License-Identifier: MIT */
/*
 * Levels: when a line of the index that growth has added may be built.
 *
 * A registrant reads the number of buckets, takes a cell in the line of its bucket, and
 * links its entry. If the number doubles in between, the cell is in the line of the level
 * before, and a line of the new level that was built meanwhile would lack it. So a line is
 * built only once no such registrant is left:
 *
 *   header->level            means                         becomes, by
 *   {epoch, level}           the level was seen in that    {epoch, level, settled}, two epochs
 *                            epoch                         later, by CAS
 *   {epoch, level, settled}  who links an entry of that    {epoch, next level}, by CAS of any
 *                            level, has its cell there     process that sees more buckets
 *
 * Two epochs later each write section has begun after the doubling, or was expelled. An
 * expelled one finds that out at its next check and begins its step again; but one that was
 * stopped between its check and the CAS links its entry whenever it goes on, because its
 * hazards keep that CAS right. Its hazards show it: it is expelled, and names an entry that
 * it is about to link. While there is such a thread, the level is not settled, and lookups
 * ask the list where a line is not complete: that is slower, and no promise depends on it.
 *
 *   killed, stopped or exec here     what is left
 *   after either CAS                 a word that any process goes on from
 *
 * A process that is stopped in front of a CAS comes late, and finds another word: epochs
 * and levels only grow.
 */
#include "shm/index.h"

/* Of so many calls one asks for the next epoch, which takes some system calls. */
#define ADVANCE_EVERY 64u

/*
 * Whether a thread of a living program was expelled from a write section in which it names
 * an entry to be linked. The caller's own call is past that, or begins its step again.
 */
bool index_some_link_late(const struct writer *w)
{
	const struct segment *s = w->s;
	bool dead = false;
	/* The slots of all sections that matter were counted two epochs ago. */
	uint32_t i, end = segment_slots(s);

	for (i = 0; i < end; i++) {
		const struct slot *slot = &s->slots[i];
		uint64_t owner;

		/*
		 * ORD[index_some_link_late:A] acquire: that it is expelled, then what it names.
		 * A hazard stored before the doubling was read is seen by now: two global
		 * fences lie in between; pairs with grace_name:A
		 */
		if (load_acquire(&slot->writing) != SLOT_EXPELLED)
			continue;
		owner = load_relaxed(&slot->owner); /* relaxed: behind the word */
		/* relaxed: as above */
		if (!owner || !load_relaxed(&slot->hazards[HAZARD_NEW]))
			continue;
		if (life_word_is_alive(w->lives, owner))
			return true;
		dead = true;
	}
	/*
	 * In the fallback a thread of the dead may run for another instant, and link a gift,
	 * whose owner lives. The fence ends it; see grace.c.
	 */
	return dead && !w->lives->facts && !grace_fence();
}

static bool level_cas(struct segment_header *header, uint64_t seen, uint64_t next)
{
	/*
	 * ORD[level_cas:A] acq_rel: the look at the slots, then its result; pairs with
	 * index_level_is_settled:A
	 */
	return cas_acq_rel(&header->level, &seen, next);
}

void index_hurry(const struct writer *w)
{
	/* relaxed: private to the process, and a mere hint */
	if (!(fetch_add_relaxed(&w->s->view->asked, 1u) % ADVANCE_EVERY))
		grace_advance(w->s, w->lives, GRACE_PATIENT, NULL);
}

bool index_level_is_settled(const struct writer *w, uint64_t buckets)
{
	struct segment_header *header = w->s->header;
	uint64_t level = segment_level(buckets), epoch, seen, of;

	/*
	 * ORD[index_level_is_settled:A] acquire: the level, then the list and its cells;
	 * pairs with level_cas:A
	 */
	seen = load_acquire(&header->level);
	of = seen >> LEVEL_SHIFT & LEVEL_MASK;
	if (caa_likely(of == level && seen & LEVEL_SETTLED))
		return true;
	if (of > level)
		return false;
	/*
	 * ORD[index_level_is_settled:B] acquire: the number of buckets, then the epoch;
	 * pairs with grace_advance:C
	 */
	epoch = load_acquire(&header->epoch);
	if (of < level) {
		level_cas(header, seen, epoch << LEVEL_EPOCH_SHIFT | level << LEVEL_SHIFT);
		return false;
	}
	if ((int64_t)(epoch - (seen >> LEVEL_EPOCH_SHIFT)) < 2) {
		index_hurry(w);
		return false;
	}
	return !index_some_link_late(w) && level_cas(header, seen, seen | LEVEL_SETTLED);
}
