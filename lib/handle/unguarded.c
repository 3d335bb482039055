/* SPDX-License-Identifier: MIT */
/*
 * The check for the guard's pins, and the three steps after they are found gone:
 *
 * 1. the segment's word says that it is over, for all processes that have it open;
 * 2. this process takes all lives for over, so that none of its calls returns a dead
 *    owner;
 * 3. the table is cleared, so that names are absent also for readers, which have no
 *    reason to check.
 *
 * Killed in between: the other processes find the pins gone by their own checks.
 */
#include "lib/handle/unguarded.h"

#include "shm/ended.h"
#include "shm/succession.h"
#include "shm/sweep.h"

/* The interval while the pins are out of sight: each check ends a process. */
#define UNSEEN_NS 1000000000ull

static void end_registry(struct kreg *k)
{
	struct thread *thread;
	bool has_slot = k->writable && !handle_is_parents(k) && !thread_get(k, &thread);

	if (k->writable)
		succession_end_lost(&k->segment);
	if (!life_guard_forget(&k->lives) || !has_slot)
		return;
	grace_write_enter(&k->segment, thread->writer.slot);
	sweep_all(&thread->writer);
	grace_write_leave(thread->writer.slot);
}

bool unguarded_look(struct kreg *k, uint64_t now)
{
	enum life_guard_state state;

	if (!k->lives.identity || !handle_is_due(&k->next_guard_look, now))
		return false;
	state = life_guard_look(&k->lives, k->origin->guard);
	if (state == LIFE_GUARD_UNSEEN)
		store_relaxed(&k->next_guard_look, now + UNSEEN_NS); /* relaxed: a time */
	/*
	 * A guard that is stopped by force ends the lives before it removes its pins;
	 * that is another error.
	 */
	if (k->writable && !life_is_alive(&k->lives, k->self.owner)) {
		ended_note(&k->segment, &k->lives, k->self.owner);
		return false;
	}
	if (state != LIFE_GUARD_GONE)
		return false;
	end_registry(k);
	return true;
}

int unguarded_why(const struct kreg *k)
{
	/* relaxed: it is 0 for good, or never */
	if (k->lives.identity && !load_relaxed(&k->lives.words[owner_seat(k->self.owner)]))
		return -ESHUTDOWN;
	ended_note(&k->segment, &k->lives, k->self.owner);
	return -EOWNERDEAD;
}
