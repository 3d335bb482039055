/* SPDX-License-Identifier: MIT */
/*
 * Epochs, sections, and expulsion from them.
 *
 * The epoch goes from e to e + 1 when no living slot is inside a section of an epoch other than e.
 * What was unlinked while the epoch was e is free at e + 2: the first step waits for those who
 * were inside when it was unlinked in e - 1 or before, the second for those of e. (K. Fraser,
 * "Practical lock-freedom", 2004, 5.2.3; with membarrier(2) in place of the readers' fence, as
 * liburcu does within one process.)
 *
 * A section writes {epoch, 1} into its slot and reads on without a fence. The process that advances fences for
 * all: MEMBARRIER_CMD_GLOBAL_EXPEDITED runs a barrier on every CPU that runs a registered process. After
 * it, a slot that looks empty either is, or belongs to a section whose reads all come after the barrier, and
 * so after the unlinking.
 *
 * A section may begin with an epoch that is already over, when its thread was held up between the
 * load and the store. It then holds up the next step, and can have seen nothing that was free before.
 *
 * Expulsion. A section that is in the way is expelled: its word becomes SLOT_EXPELLED, and the epoch goes on
 * without it. A reader finds that at its end. A writer may be stopped anywhere, also right in front of a CAS,
 * so it does the following (M. M. Michael, "Hazard pointers", 2004, used for what an expelled section is about
 * to CAS alone):
 *
 *   writer:      1 stores its hazards   2 loads its word; if expelled: begins again   3 CASes
 *   advancer:    4 expels               5 global fence                                6 next epoch
 *   reclaimer:   7 sees the epoch       8 loads the hazards, then uses the memory again
 *
 * If 2 comes before the barrier that 5 runs on the writer's CPU, so does 1, and 8 sees the hazards: the memory
 * stays until the writer has gone on. If 2 comes after it, it sees 4, and there is no 3. An advancer
 * that finds a section expelled by another one fences after it has found that, because the other's fence may
 * be yet to come: so there are two fences where anybody is expelled, one where nobody is.
 *
 * What 3 relies on is the block that holds the link, which then still is that entry, and the block that the
 * link leads to: a link that leads there again leads to the same entry. All else that the writer has read was
 * right at 2. A CAS that finds both as they were is right as well, because a link in the list changes by CAS
 * alone, and that of an entry outside has a mark for good.
 *
 *   word of a slot           if its owner dies with it
 *   owner                    over: skipped by grace_advance(), taken by grace_slot_take(); but for that of
 *                            an earlier program whose process lives, with writing set (interrupted.c)
 *   reading, writing         expelled; cleared by the next who takes the slot
 *   hazards                  passed over, see grace_named.c
 *
 * In the fallback a thread may run on for an instant after its process's life is over. A signal that
 * kills it was pending before, so it does not come back from the barrier of a global fence. So the
 * dead are expelled like the living, and the fence after that ends them.
 *
 * Where the kernel refuses membarrier to a process, header->fence_since is set for good: from then on each
 * section fences for itself, in all processes. A thread that was past its look at that word has its store in a
 * store buffer at most, which drains in far less than a second; if it was switched away instead, the kernel has
 * fenced. So a process that is refused advances without a global fence once the word is a second old, with
 * a fence of its own. A time namespace with another clock shifts that second and nothing else.
 *
 * A pair for each order (fence of the waiter on one side, of the compiler on the other):
 *
 *   grace_enter:A      the slot, then the section's reads      grace_advance:A
 *   grace_enter:B      the epoch, then the section's reads     grace_advance:C
 *   grace_again:A      the hazards, then the slot              grace_advance:D
 *   grace_leave:A      the section's reads, then the slot      grace_advance:B
 *   grace_stamp:A      the unlinking, then the epoch           grace_advance:C
 *   grace_is_past:A    the epoch, then the reuse               grace_advance:C
 *
 * tests/models/grace.pml is a model of all that.
 */
#include "shm/grace.h"

#include <errno.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/membarrier.h>

#include "base/clock.h"

/*
 * A writer that is in the way has been switched away, stopped, or walks a long line. The first comes back
 * within a few turns of the scheduler, and to do a step once more costs microseconds.
 */
#define WRITER_PATIENCE_NS 4000000ull
/* The same call is given twice as long each time, so that a walk that takes long comes to an end. */
#define EXPULSIONS_MAX 6u
/* Where memory is short, a writer that has been expelled less often is given no time. */
#define EXPULSIONS_AT_ONCE 3u

/* After so long all sections fence for themselves. */
#define FENCE_SETTLED_NS 1000000000ull

static int membarrier(int command)
{
	return (int)syscall(SYS_membarrier, command, 0, 0);
}

bool grace_fence(void)
{
	return !membarrier(MEMBARRIER_CMD_GLOBAL_EXPEDITED) || !membarrier(MEMBARRIER_CMD_GLOBAL);
}

bool grace_join(void)
{
	return !membarrier(MEMBARRIER_CMD_REGISTER_GLOBAL_EXPEDITED) && grace_fence();
}

void grace_refused(const struct segment *s)
{
	uint64_t none = 0;

	/* relaxed: it stands for itself */
	if (s->writable && !load_relaxed(&s->header->fence_since))
		cas_relaxed(&s->header->fence_since, &none, clock_now()); /* relaxed: as above */
}

/* Whether all sections have fenced for themselves for so long that nobody need fence for them. */
static bool sections_fence(const struct segment *s)
{
	uint64_t since = load_relaxed(&s->header->fence_since); /* relaxed: it stands for itself */
	uint64_t now = clock_now();

	return since && now > since && now - since >= FENCE_SETTLED_NS;
}

static void grace_enter(const struct segment *s, struct slot *slot, uint64_t *word)
{
	/*
	 * ORD[grace_enter:B] acquire: the epoch, then what the section reads: what was unlinked before
	 * that epoch is not found; pairs with grace_advance:C
	 */
	uint64_t epoch = load_acquire(&s->header->epoch);

	store_relaxed(word, epoch << 2 | 1); /* relaxed: the fences below order it */
	/*
	 * ORD[grace_enter:A] compiler only: the slot, then what the section reads; the CPU's share
	 * is paid by whoever advances, unless the kernel refused that; pairs with grace_advance:A
	 */
	compiler_fence();
	if (grace_fences_itself(s, slot))
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
	store_relaxed(&slot->expulsions, (uint16_t)0); /* relaxed: a hint */
	grace_enter(s, slot, &slot->writing);
}

void grace_write_renew(const struct writer *w)
{
	struct slot *slot = w->slot;
	uint16_t expulsions = load_relaxed(&slot->expulsions); /* relaxed: our own */

	/* It may wrap: then a call that was expelled that often is given little time once more. */
	store_relaxed(&slot->expulsions, (uint16_t)(expulsions + 1)); /* relaxed: a hint */
	grace_enter(w->s, slot, &slot->writing);
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
	 * bytes of a block's next life come with the mark; pairs with word_expel:A
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

/* One look at all slots. */
struct look {
	const struct segment *s;
	const struct life_table *lives;
	uint64_t epoch;
	enum grace_hurry hurry;
	const struct slot *holder; /* who is in the way, or NULL */
	bool is_reader;
	bool expelled; /* somebody is */
};

/* Whether @slot has been in the way with @seen for @patience. */
static bool is_tardy(struct slot *slot, uint64_t seen, uint64_t patience)
{
	uint64_t at = clock_now();

	/* relaxed: hints; the worst that a wrong one does is to restart the patience */
	if (load_relaxed(&slot->tardy) != seen) {
		store_relaxed(&slot->tardy_since, at); /* relaxed: as above */
		store_relaxed(&slot->tardy, seen);     /* relaxed: as above */
		return false;
	}
	/* relaxed: as above */
	return at - load_relaxed(&slot->tardy_since) >= patience;
}

static bool writer_is_tardy(const struct look *look, struct slot *slot, uint64_t seen)
{
	uint32_t expulsions = load_relaxed(&slot->expulsions); /* relaxed: a hint */

	if (look->hurry == GRACE_AT_ONCE && expulsions < EXPULSIONS_AT_ONCE)
		return true;
	if (expulsions > EXPULSIONS_MAX)
		expulsions = EXPULSIONS_MAX;
	return is_tardy(slot, seen | 2, WRITER_PATIENCE_NS << expulsions);
}

static bool is_in_the_way(const struct look *look, uint64_t word)
{
	return (word & 1) && word != (look->epoch << 2 | 1);
}

/* True: nobody is in the way with @word any more. */
static bool word_expel(struct look *look, uint64_t *word, uint64_t seen)
{
	/*
	 * ORD[word_expel:A] acq_rel: the mark, then the epoch and all reuse after it; pairs
	 * with grace_read_leave:A, grace_again:A
	 */
	if (cas_acq_rel(word, &seen, SLOT_EXPELLED))
		seen = SLOT_EXPELLED;
	look->expelled |= seen == SLOT_EXPELLED;
	return !is_in_the_way(look, seen);
}

/* Whether @slot is in no section of another epoch. */
static bool slot_lets_pass(struct look *look, struct slot *slot)
{
	uint64_t patience = look->s->header->patience_ms * 1000000ull;
	uint64_t owner, writing, reading;
	bool is_dead;

	/*
	 * ORD[grace_advance:B] acquire: the end of a section, then the next epoch; pairs with
	 * grace_leave:A
	 */
	owner = load_acquire(&slot->owner);
	writing = load_acquire(&slot->writing);
	reading = load_acquire(&slot->reading);
	if (!owner || !(writing | reading))
		return true;
	look->expelled |= writing == SLOT_EXPELLED || reading == SLOT_EXPELLED;
	if (!is_in_the_way(look, writing) && !is_in_the_way(look, reading))
		return true;
	is_dead = !life_image_is_alive(look->lives, owner);
	/* The reader first: the hints of its patience are not disturbed by the calls inside it. */
	look->is_reader = is_in_the_way(look, reading);
	if (look->is_reader && !((is_dead || is_tardy(slot, reading, patience)) &&
				 word_expel(look, &slot->reading, reading)))
		return false;
	look->is_reader = false;
	return !is_in_the_way(look, writing) ||
	       ((is_dead || writer_is_tardy(look, slot, writing)) &&
		word_expel(look, &slot->writing, writing));
}

/* False: somebody is in the way. */
static bool slots_let_pass(struct look *look)
{
	/* relaxed: after a fence, or a hint */
	uint64_t high = load_relaxed(&look->s->header->slots_high), i;

	if (high > look->s->slots_count)
		high = look->s->slots_count;
	look->expelled = false;
	for (i = 0; i < high; i++) {
		if (slot_lets_pass(look, &look->s->slots[i]))
			continue;
		look->holder = &look->s->slots[i];
		return false;
	}
	return true;
}

/* For all sections and checks of hazards. False: not now. */
static bool fence_for_all(const struct segment *s)
{
	if (grace_fence())
		return true;
	grace_refused(s);
	if (!sections_fence(s))
		return false;
	/*
	 * ORD[grace_advance:D] full: the expulsions, then the next epoch and the hazards: on all CPUs, or
	 * here, when sections fence for themselves; pairs with grace_again:A
	 */
	full_fence();
	return true;
}

int grace_advance(const struct segment *s, const struct life_table *lives, enum grace_hurry hurry,
		  const struct slot **holder)
{
	struct look look = { .s = s, .lives = lives, .hurry = hurry };
	uint64_t epoch;

	/*
	 * ORD[grace_advance:A] full, on all CPUs: the unlinking, then the slots. A section whose
	 * slot looks empty to us can no longer find what was unlinked; pairs with grace_enter:A
	 */
	epoch = look.epoch = load_acquire(&s->header->epoch);
	/* Who is seen to be in the way without the fence, which interrupts all CPUs, need not be asked twice. */
	if (slots_let_pass(&look)) {
		if (!fence_for_all(s))
			return -EAGAIN;
		/* Whoever is expelled by then, by us or by others, may have stored its hazards after that fence. */
		if (slots_let_pass(&look) && look.expelled && !fence_for_all(s))
			return -EAGAIN;
	}
	if (look.holder) {
		if (!look.is_reader)
			return -EAGAIN;
		if (holder)
			*holder = look.holder;
		return -EBUSY;
	}
	/*
	 * ORD[grace_advance:C] acq_rel: all the sections that have ended, then the epoch that says
	 * so; pairs with grace_peek:A, grace_peek_held:A, grace_stamp:A, grace_is_past:A, grace_enter:B,
	 * hazards_read:B
	 */
	cas_acq_rel(&s->header->epoch, &epoch, epoch + 1); /* happens here */
	return 0;
}
