/* SPDX-License-Identifier: MIT */
/*
 * The look, and what follows: the segment is over, which all who have it open see by its word; our lives are over, so
 * nobody of us is told of a dead owner; and the table is cleared, so that what the dead had registered, and all
 * others, is absent for those too who only read and have no reason to look. Killed in between, the others look for
 * themselves.
 */
#include "lib/handle/unguarded.h"

#include "shm/ended.h"
#include "shm/succession.h"
#include "shm/sweep.h"

/* Until the next look where the pins are out of sight: each ends a process. */
#define UNSEEN_NS 1000000000ull

static void lose(struct kreg *k)
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
	/* A guard that is stopped by force ends the lives before its pins go, and that is another error. */
	if (k->writable && !life_is_alive(&k->lives, k->self.owner)) {
		ended_note(&k->segment, &k->lives, k->self.owner);
		return false;
	}
	if (state != LIFE_GUARD_GONE)
		return false;
	lose(k);
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
