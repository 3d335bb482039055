/* SPDX-License-Identifier: MIT */
/*
 * Epochs, slots, and who may be thrown out.
 *
 * The epoch goes from e to e + 1 when no living slot is inside a section of an epoch other than e.
 * What was unlinked while the epoch was e is free at e + 2: the first step waits for those who
 * were inside when it was unlinked in e - 1 or before, the second for those of e. (K. Fraser,
 * "Practical lock-freedom", 2004, 5.2.3; with membarrier(2) in place of the readers' fence, as
 * liburcu does within one process.)
 *
 * A section writes {epoch, 1} into its slot and reads on without a fence. Whoever advances fences for
 * everybody: MEMBARRIER_CMD_GLOBAL_EXPEDITED runs a barrier on every CPU that runs a registered
 * process. After it, a slot that looks empty either is, or belongs to a section whose reads all come
 * after the barrier, and so after the unlinking.
 *
 * A section may begin with an epoch that is already over, when its thread was held up between the
 * load and the store. It then holds up the next step, and can have seen nothing that was free before.
 *
 *   word of a slot           if its owner dies with it
 *   owner                    over: skipped by grace_advance(), taken by grace_slot_take(); but for that of
 *                            an earlier program whose process lives, with writing set (interrupted.c)
 *   reading, writing         skipped with the owner; cleared by the next who takes the slot
 *
 * Between the CAS that takes a dead owner's slot and the clearing of its words the slot looks
 * like an old section of a living owner. That holds memory back for an instant, and no more.
 *
 * A pair for each order (fence of the waiter on one side, of the compiler on the other):
 *
 *   grace_enter:A      the slot, then the section's reads      grace_advance:A
 *   grace_leave:A      the section's reads, then the slot      grace_advance:B
 *   grace_stamp:A      the unlinking, then the epoch           grace_advance:C
 *   grace_is_past:A    the epoch, then the reuse               grace_advance:C
 */
#include "shm/grace.h"

#include <errno.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/membarrier.h>

#include "shm/clock.h"

static int membarrier(int command)
{
	return (int)syscall(SYS_membarrier, command, 0, 0);
}

bool grace_join(void)
{
	return !membarrier(MEMBARRIER_CMD_REGISTER_GLOBAL_EXPEDITED);
}

static bool global_fence(void)
{
	return !membarrier(MEMBARRIER_CMD_GLOBAL_EXPEDITED) || !membarrier(MEMBARRIER_CMD_GLOBAL);
}

static void high_raise(uint64_t *high, uint64_t at_least)
{
	/* relaxed: a bound for scans; who misses a slot behind it misses only what began later */
	uint64_t seen = load_relaxed(high);

	while (seen < at_least && !cas_relaxed(high, &seen, at_least)) /* relaxed: as above */
		;
}

bool grace_slot_is_interrupted(const struct life_table *lives, const struct slot *slot,
			       uint64_t *word)
{
	/*
	 * ORD[grace_slot_is_interrupted:A] acquire: whose it is, then what became of it; pairs with
	 * grace_slot_free:A
	 */
	*word = load_acquire(&slot->owner);
	/* relaxed: the word of a program that is gone does not change */
	return *word && lives->facts && load_relaxed(&slot->writing) &&
	       !life_image_is_alive(lives, *word) &&
	       life_is_alive(lives, owner_without_image(*word));
}

void grace_slot_free(struct slot *slot, uint64_t word)
{
	/*
	 * ORD[grace_slot_free:A] acq_rel: what was recovered, then the slot; pairs with
	 * grace_slot_is_interrupted:A, slot_take:A
	 */
	cas_acq_rel(&slot->owner, &word, 0ull);
}

static bool slot_take(const struct segment *s, const struct life_table *lives, struct slot *slot,
		      uint64_t me)
{
	/* relaxed: the CAS looks again */
	uint64_t seen = load_relaxed(&slot->owner), word;

	if (seen &&
	    (life_image_is_alive(lives, seen) || grace_slot_is_interrupted(lives, slot, &word)))
		return false;
	/*
	 * ORD[slot_take:A] acq_rel: the last owner's stores, then ours; pairs with
	 * grace_slot_return:A, grace_slot_free:A
	 */
	if (!cas_acq_rel(&slot->owner, &seen, me)) /* happens here */
		return false;
	store_relaxed(&slot->reading, 0ull); /* relaxed: a late look only delays an advance */
	store_relaxed(&slot->writing, 0ull); /* relaxed: as above */
	high_raise(&s->header->slots_high, (uint64_t)(slot - s->slots) + 1);
	return true;
}

struct slot *grace_slot_take(const struct segment *s, const struct life_table *lives,
			     const struct life_self *self, bool joined)
{
	uint64_t me = owner_with_image(self->owner, self->image);
	uint32_t i;

	for (i = 0; i < s->slots_count; i++) {
		struct slot *slot = &s->slots[i];

		if (!slot_take(s, lives, slot, me))
			continue;
		store_relaxed(&slot->tid, (uint32_t)syscall(SYS_gettid)); /* relaxed: for people */
		store_relaxed(&slot->fenced, (uint32_t)!joined); /* relaxed: before the first use */
		return slot;
	}
	return NULL;
}

void grace_slot_return(struct slot *slot)
{
	/*
	 * ORD[grace_slot_return:A] release: our last section, then the slot; pairs with
	 * slot_take:A
	 */
	store_release(&slot->owner, 0ull);
}

static void grace_enter(const struct segment *s, struct slot *slot, uint64_t *word)
{
	/* relaxed: an old epoch holds up the next one, and harms nothing else */
	uint64_t epoch = load_relaxed(&s->header->epoch);

	store_relaxed(word, epoch << 2 | 1); /* relaxed: the fences below order it */
	/*
	 * ORD[grace_enter:A] compiler only: the slot, then what the section reads; the CPU's share
	 * is paid by whoever advances, unless the kernel refused that; pairs with grace_advance:A
	 */
	compiler_fence();
	if (caa_unlikely(slot->fenced))
		full_fence();
}

static void grace_leave(uint64_t *word)
{
	/*
	 * ORD[grace_leave:A] release: what the section read, then the slot; pairs with
	 * grace_advance:B
	 */
	store_release(word, 0ull);
}

void grace_write_enter(const struct segment *s, struct slot *slot)
{
	grace_enter(s, slot, &slot->writing);
}

void grace_write_leave(struct slot *slot)
{
	grace_leave(&slot->writing);
}

void grace_read_enter(const struct segment *s, struct slot *slot)
{
	grace_enter(s, slot, &slot->reading);
}

int grace_read_leave(struct slot *slot)
{
	uint64_t seen;

	/*
	 * ORD[grace_read_leave:A] acquire: what the section read, then whether it was expelled:
	 * bytes of a block's next life come with the mark; pairs with slot_expel:A
	 */
	fence_acquire();
	seen = load_relaxed(&slot->reading); /* relaxed: after the fence */
	grace_leave(&slot->reading);
	return seen == SLOT_EXPELLED ? -ESTALE : 0;
}

uint64_t grace_stamp(const struct segment *s)
{
	/*
	 * ORD[grace_stamp:A] full: the unlinking, then the epoch: whoever begins a later one
	 * has the unlinking before it; pairs with grace_advance:C
	 */
	full_fence();
	return load_relaxed(&s->header->epoch); /* relaxed: after the fence */
}

bool grace_is_past(const struct segment *s, uint64_t stamp)
{
	/*
	 * ORD[grace_is_past:A] acquire: the epoch, then the reuse; pairs with grace_advance:C
	 */
	return load_acquire(&s->header->epoch) - stamp >= 2;
}

/* A read section that is in the way: how long has it been? Throws it out after the patience. */
static bool slot_expel(const struct segment *s, struct slot *slot, uint64_t seen)
{
	uint64_t at = clock_now();

	/* relaxed: hints; the worst that a wrong one does is to restart the patience */
	if (load_relaxed(&slot->tardy) != seen) {
		store_relaxed(&slot->tardy_since, at); /* relaxed: as above */
		store_relaxed(&slot->tardy, seen);     /* relaxed: as above */
		return false;
	}
	/* relaxed: as above */
	if (at - load_relaxed(&slot->tardy_since) < s->header->patience_ms * 1000000ull)
		return false;
	/*
	 * ORD[slot_expel:A] acq_rel: the mark, then the epoch and all reuse after it; pairs
	 * with grace_read_leave:A
	 */
	return cas_acq_rel(&slot->reading, &seen, SLOT_EXPELLED) || !(seen & 1);
}

/* Whether @slot is in no section of another epoch. */
static bool slot_lets_pass(const struct segment *s, const struct life_table *lives,
			   struct slot *slot, uint64_t epoch)
{
	uint64_t current = epoch << 2 | 1;
	uint64_t owner, writing, reading;

	/*
	 * ORD[grace_advance:B] acquire: the end of a section, then the next epoch; pairs with
	 * grace_leave:A
	 */
	owner = load_acquire(&slot->owner);
	writing = load_acquire(&slot->writing);
	reading = load_acquire(&slot->reading);
	if (!owner || !((writing | reading) & 1))
		return true;
	if ((!(writing & 1) || writing == current) && (!(reading & 1) || reading == current))
		return true;
	if (!life_image_is_alive(lives, owner))
		return true;
	if ((writing & 1) && writing != current)
		return false;
	return slot_expel(s, slot, reading);
}

/* NULL, or who is in the way. */
static const struct slot *slots_in_the_way(const struct segment *s, const struct life_table *lives,
					   uint64_t epoch)
{
	/* relaxed: after a fence, or a hint */
	uint64_t high = load_relaxed(&s->header->slots_high), i;

	if (high > s->slots_count)
		high = s->slots_count;
	for (i = 0; i < high; i++) {
		if (!slot_lets_pass(s, lives, &s->slots[i], epoch))
			return &s->slots[i];
	}
	return NULL;
}

int grace_advance(const struct segment *s, const struct life_table *lives,
		  const struct slot **holder)
{
	const struct slot *in_the_way;
	uint64_t epoch;

	/*
	 * ORD[grace_advance:A] full, on all CPUs: the unlinking, then the slots. A section whose
	 * slot looks empty to us can no longer find what was unlinked; pairs with grace_enter:A
	 */
	epoch = load_acquire(&s->header->epoch);
	/* Who is seen to be in the way without the fence, which interrupts all CPUs, need not be asked twice. */
	in_the_way = slots_in_the_way(s, lives, epoch);
	if (!in_the_way) {
		if (!global_fence())
			return -ENOTSUP;
		in_the_way = slots_in_the_way(s, lives, epoch);
	}
	if (in_the_way) {
		if (holder)
			*holder = in_the_way;
		return -EBUSY;
	}
	/*
	 * ORD[grace_advance:C] acq_rel: all the sections that have ended, then the epoch that says
	 * so; pairs with grace_peek:A, grace_peek_held:A, grace_stamp:A, grace_is_past:A
	 */
	cas_acq_rel(&s->header->epoch, &epoch, epoch + 1); /* happens here */
	return 0;
}
