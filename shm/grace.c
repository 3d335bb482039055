/* SPDX-License-Identifier: MIT */
/*
 * Epochs, sections, and expulsion from them.
 *
 * The epoch advances from e to e + 1 when no living slot is inside a section of another
 * epoch than e. Memory unlinked while the epoch was e is free at e + 2: the first step
 * waits for sections that were open when it was unlinked and began in e - 1 or before,
 * the second for those of e. (K. Fraser, "Practical lock-freedom", 2004, 5.2.3; with
 * membarrier(2) in place of the readers' fence, as liburcu does within one process.)
 *
 * A section stores {epoch, 1} into its slot and reads on without a fence. The process
 * that advances fences for all: MEMBARRIER_CMD_GLOBAL_EXPEDITED runs a barrier on every
 * CPU that runs a registered process. After it, a slot that looks empty either is empty,
 * or belongs to a section all of whose reads come after the barrier, and so after the
 * unlinking.
 *
 * A section may begin with an epoch that is already over, if its thread was interrupted
 * between the load and the store. It then blocks the next step, and cannot have seen
 * anything that was free before.
 *
 * Expulsion. A section that blocks the epoch is expelled: its word becomes SLOT_EXPELLED,
 * and the epoch advances without it. A reader finds that at its end. A writer may be
 * stopped anywhere, also right in front of a CAS, so it does the following (M. M.
 * Michael, "Hazard pointers", 2004, used only for what an expelled section is about to
 * CAS):
 *
 *   writer:      1 stores its hazards   2 loads its word; if expelled: starts over
 *                3 CASes
 *   advancer:    4 expels               5 global fence                6 next epoch
 *   reclaimer:   7 sees the epoch       8 loads the hazards, then reuses the memory
 *
 * If 2 comes before the barrier that 5 runs on the writer's CPU, so does 1, and 8 sees
 * the hazards: the memory stays until the writer has moved on. If 2 comes after that
 * barrier, it sees 4, and 3 does not happen. An advancer that finds a section expelled by
 * another one must fence after it has found that, as the other's fence may be yet to
 * come. So there are two fences where any section is expelled, one where none is.
 *
 * What 3 relies on is the block that holds the link, which must still be that entry, and
 * the block that the link leads to: a link that leads there again leads to the same
 * entry. All else that the writer has read was right at 2. A CAS that finds both
 * unchanged is right as well, because a link in the list changes by CAS only, and that of
 * an entry outside of it has its mark for good.
 *
 *   word of a slot       if its owner dies with it
 *   owner                over: skipped by grace_advance(), taken by grace_slot_take();
 *                        except that of an earlier program whose process lives on, with
 *                        writing set (interrupted.c)
 *   reading, writing     expelled; cleared by the next thread that takes the slot
 *   hazards              ignored, see grace_named.c
 *
 * In the fallback a thread may run for another instant after its process's life is over.
 * The signal that kills it was pending before, so it does not return from the barrier of
 * a global fence. Therefore the dead are expelled like the living, and the fence that
 * follows ends them.
 *
 * Where the kernel refuses membarrier to a process, header->fence_since is set for good:
 * from then on each section fences for itself, in all processes. A thread that was past
 * its look at that word has its store in a store buffer at most, which drains in far less
 * than a second; if it was switched away instead, the kernel has fenced. So a process
 * that is refused advances without a global fence once the word is a second old, with a
 * fence of its own. A time namespace with another clock shifts that second and nothing
 * else.
 *
 * The pairs of each order (a fence of the section on one side, a compiler fence on the
 * other):
 *
 *   grace_enter_in:A   the slot, then the section's reads      grace_advance:A
 *   grace_enter_in:B   the epoch, then the section's reads     grace_advance:C
 *   grace_again:A      the hazards, then the slot              grace_advance:D
 *   grace_leave:A      the section's reads, then the slot      grace_advance:B
 *   grace_stamp:A      the unlinking, then the epoch           grace_advance:C
 *   grace_is_past:A    the epoch, then the reuse               grace_advance:C
 *
 * tests/models/grace.pml models all of this.
 */
#include "shm/grace.h"

#include <errno.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/membarrier.h>

#include "base/clock.h"
#include "base/probe.h"
#include "shm/expelled.h"

/*
 * A writer in an older epoch was switched away, or is stopped, or walks a long line. The
 * first comes back within a few turns of the scheduler, and repeating a step costs it
 * microseconds.
 */
#define WRITER_PATIENCE_NS 4000000ull
/*
 * The patience doubles with each expulsion from the same call, up to this many times.
 * With a constant patience, a walk that takes longer would be expelled for ever.
 */
#define EXPULSIONS_MAX 6u
/*
 * Where memory is short, a writer that was expelled fewer times than this is given no
 * time. The limit is for the same walk: it must end there too.
 */
#define EXPULSIONS_AT_ONCE 3u

static int membarrier(int command)
{
	return (int)syscall(SYS_membarrier, command, 0, 0);
}

/*
 * The second command waits for an RCU grace period, which is slow, but needs no
 * registration and reaches each thread of the system.
 */
bool grace_fence(void)
{
	return !membarrier(MEMBARRIER_CMD_GLOBAL_EXPEDITED) || !membarrier(MEMBARRIER_CMD_GLOBAL);
}

/* Registering alone does not show that a fence will be allowed, so one is tried. */
bool grace_join(void)
{
	return !membarrier(MEMBARRIER_CMD_REGISTER_GLOBAL_EXPEDITED) && grace_fence();
}

/*
 * The first process that is refused sets the time; it is never cleared, because a process
 * that fences for itself may still be inside a section.
 */
void grace_refused(const struct segment *s)
{
	uint64_t none = 0;

	/* relaxed: a time that nothing else depends on */
	if (s->writable && !load_relaxed(&s->header->fence_since))
		cas_relaxed(&s->header->fence_since, &none, clock_now()); /* relaxed: as above */
}

bool grace_sections_fence(const struct segment *s)
{
	/* relaxed: a time that nothing else depends on */
	uint64_t since = load_relaxed(&s->header->fence_since);
	uint64_t now = clock_now();

	return since && now > since && now - since >= GRACE_SETTLED_NS;
}

/* Counts the expulsion and enters the current epoch. */
void grace_write_renew(const struct writer *w)
{
	struct slot *slot = w->slot;
	/* relaxed: written by this thread alone */
	uint16_t expulsions = load_relaxed(&slot->expulsions);

	/*
	 * It may wrap; then a call that was expelled that often gets little time once
	 * more. relaxed: a hint
	 */
	store_relaxed(&slot->expulsions, (uint16_t)(expulsions + 1));
	grace_enter(w->s, slot, &slot->writing);
}

/*
 * One attempt to advance. Lives on the stack of grace_advance(); filled by the passes
 * over all slots.
 */
struct look {
	const struct segment *s;
	const struct life_table *lives;
	uint64_t epoch;
	enum grace_hurry hurry;
	/* The first slot that blocks the epoch, or NULL. */
	const struct slot *holder;
	/* It does so by its read section. */
	bool is_reader;
	/*
	 * In the last pass some section was found expelled, by this advancer or another.
	 */
	bool expelled;
};

/*
 * Whether @slot has had @seen, an older epoch's word, for @patience or longer. The time
 * is kept in the slot, so that all advancers together are as patient as one; a race
 * between two of them only restarts the clock.
 */
static bool is_tardy(struct slot *slot, uint64_t seen, uint64_t patience)
{
	uint64_t at = clock_now();

	/*
	 * relaxed: hints; a wrong pair restarts or shortens one section's patience, which
	 * is safe
	 */
	if (load_relaxed(&slot->tardy) != seen) {
		store_relaxed(&slot->tardy_since, at); /* relaxed: as above */
		store_relaxed(&slot->tardy, seen);     /* relaxed: as above */
		return false;
	}
	return at - load_relaxed(&slot->tardy_since) >= patience; /* relaxed: as above */
}

/*
 * Whether the write section @seen of @slot has had its time. Bit 1 tells its hint from
 * that of a read section of the same epoch.
 */
static bool writer_is_tardy(const struct look *look, struct slot *slot, uint64_t seen)
{
	uint32_t expulsions = load_relaxed(&slot->expulsions); /* relaxed: a hint */

	if (look->hurry == GRACE_AT_ONCE && expulsions < EXPULSIONS_AT_ONCE)
		return true;
	if (expulsions > EXPULSIONS_MAX)
		expulsions = EXPULSIONS_MAX;
	return is_tardy(slot, seen | 2, WRITER_PATIENCE_NS << expulsions);
}

/*
 * Whether @word is an open section of another epoch. One that is newer than look->epoch
 * counts too: then another process has advanced, and this attempt is void.
 */
static bool blocks_epoch(const struct look *look, uint64_t word)
{
	return (word & 1) && word != (look->epoch << 2 | 1);
}

/* Of the owner of @slot; 0: not known. */
static uint32_t slot_pid(const struct segment *s, const struct slot *slot)
{
	uint32_t seat = owner_seat(load_relaxed(&slot->owner)); /* relaxed: for people */

	/* relaxed: as above */
	return seat < segment_rows(s) ? load_relaxed(&s->rows[seat].who.pid) : 0;
}

/*
 * A living owner's read section was expelled, which its users would like to know. A writer only
 * repeats a step, and the dead have ended.
 */
static void note_expelled(const struct look *look, const struct slot *slot, const uint64_t *word)
{
	uint64_t owner = load_relaxed(&slot->owner); /* relaxed: a figure */
	uint32_t tid = load_relaxed(&slot->tid);     /* relaxed: as above */
	bool is_reader = word == &slot->reading;

	if (!life_image_is_alive(look->lives, owner))
		return;
	PROBE(section_expelled, look->s->inode, slot_pid(look->s, slot), tid, is_reader);
	if (is_reader)
		expelled_note(look->s, owner_without_image(owner), tid);
}

/* look->holder keeps the epoch from advancing. */
static void note_held(const struct look *look)
{
	PROBE(epoch_held, look->s->inode, look->epoch, slot_pid(look->s, look->holder),
	      load_relaxed(&look->holder->tid), look->is_reader); /* relaxed: for people */
}

/*
 * Expels the section @seen. True: the word no longer blocks the epoch, because it is
 * expelled, was ended, or is of the current epoch by now.
 */
static bool word_expel(struct look *look, struct slot *slot, uint64_t *word, uint64_t seen)
{
	/*
	 * ORD[word_expel:A] acq_rel: the mark, then the epoch and all reuse after it. A
	 * CAS, as the section may have ended: a store would expel the owner's next one;
	 * pairs with grace_read_leaves:A, grace_again:A
	 */
	if (cas_acq_rel(word, &seen, SLOT_EXPELLED)) {
		seen = SLOT_EXPELLED;
		note_expelled(look, slot, word);
	}
	look->expelled |= seen == SLOT_EXPELLED;
	return !blocks_epoch(look, seen);
}

/* Whether @slot has no section of another epoch, after expelling what may be expelled. */
static bool slot_lets_pass(struct look *look, struct slot *slot)
{
	uint64_t patience = look->s->header->patience_ms * 1000000ull;
	uint64_t owner, writing, reading;
	bool is_dead;

	/*
	 * ORD[grace_advance:B] acquire: the end of a section, then the next epoch; pairs
	 * with grace_leave:A
	 */
	owner = load_acquire(&slot->owner);
	writing = load_acquire(&slot->writing);
	reading = load_acquire(&slot->reading);
	if (!owner || !(writing | reading))
		return true;
	look->expelled |= writing == SLOT_EXPELLED || reading == SLOT_EXPELLED;
	if (!blocks_epoch(look, writing) && !blocks_epoch(look, reading))
		return true;
	/*
	 * Dead, or replaced by exec: no patience. It is expelled and not merely skipped,
	 * see the head.
	 */
	is_dead = !life_image_is_alive(look->lives, owner);
	/*
	 * The read section first: a slot has one hint, and the calls inside of a read
	 * section would restart the patience for it.
	 */
	look->is_reader = blocks_epoch(look, reading);
	if (look->is_reader && !((is_dead || is_tardy(slot, reading, patience)) &&
				 word_expel(look, slot, &slot->reading, reading)))
		return false;
	look->is_reader = false;
	return !blocks_epoch(look, writing) || ((is_dead || writer_is_tardy(look, slot, writing)) &&
						word_expel(look, slot, &slot->writing, writing));
}

/* One pass over all slots. False: look->holder blocks the epoch. */
static bool slots_let_pass(struct look *look)
{
	/* After a fence in the pass that counts, see grace_slot.c; in the first one a hint. */
	uint32_t end = segment_slots(look->s), i;

	look->expelled = false;
	for (i = 0; i < end; i++) {
		if (slot_lets_pass(look, &look->s->slots[i]))
			continue;
		look->holder = &look->s->slots[i];
		return false;
	}
	return true;
}

/*
 * The fence that all sections and all checks of hazards rely on. False: the epoch must
 * not advance yet.
 */
static bool fence_for_all(const struct segment *s)
{
	if (grace_fence())
		return true;
	grace_refused(s);
	if (!grace_sections_fence(s))
		return false;
	/*
	 * ORD[grace_advance:D] full: the expulsions, then the next epoch and the hazards:
	 * on all CPUs, or here, when sections fence for themselves; pairs with
	 * grace_again:A
	 */
	full_fence();
	return true;
}

/*
 * Stopped anywhere in here, the process delays nobody: another advancer does the same,
 * and the late CAS fails.
 */
int grace_advance(const struct segment *s, const struct life_table *lives, enum grace_hurry hurry,
		  const struct slot **holder)
{
	struct look look = { .s = s, .lives = lives, .hurry = hurry };
	uint64_t epoch;

	/*
	 * ORD[grace_advance:A] full, on all CPUs: the unlinking, then the slots. A
	 * section whose slot looks empty to us can no longer find what was unlinked;
	 * pairs with grace_enter_in:A
	 */
	epoch = look.epoch = load_acquire(&s->header->epoch);
	/*
	 * The first pass is without the fence, which interrupts all CPUs: a section that
	 * it sees blocking the epoch is really there. Only an empty slot needs the fence
	 * and a second look.
	 */
	if (slots_let_pass(&look)) {
		if (!fence_for_all(s))
			return -EAGAIN;
		/*
		 * A section that is expelled by now, by us or by others, may have stored
		 * its hazards after that first fence.
		 */
		if (slots_let_pass(&look) && look.expelled && !fence_for_all(s))
			return -EAGAIN;
	}
	if (look.holder) {
		note_held(&look);
		if (!look.is_reader)
			return -EAGAIN;
		if (holder)
			*holder = look.holder;
		return -EBUSY;
	}
	/*
	 * ORD[grace_advance:C] acq_rel: all the sections that have ended, then the epoch
	 * that says so; pairs with grace_peek:A, grace_peek_held:A, ref_usual:B, grace_stamp:A,
	 * grace_is_past:A, grace_enter_in:B, hazards_read:B, overflow_is_past:A,
	 * index_level_is_settled:B, look_held:A, lookup_group:A. The epoch advances here;
	 * it does not matter whether this call or another does it.
	 */
	if (cas_acq_rel(&s->header->epoch, &epoch, epoch + 1))
		PROBE(epoch_advanced, s->inode, epoch + 1);
	return 0;
}
