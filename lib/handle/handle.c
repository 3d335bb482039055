/* SPDX-License-Identifier: MIT */
/*
 * How a call enters a handle and leaves it again, and the housekeeping between calls.
 * thread.c has what each thread owns in a handle.
 */
#include "lib/handle/handle.h"

#include <errno.h>
#include <time.h>

#include "lib/handle/unguarded.h"
#include "base/clock.h"
#include "shm/interrupted.h"
#include "shm/lost.h"
#include "shm/row.h"
#include "shm/succession.h"
#include "shm/sweep.h"

/* One in TIDY_EVERY calls examines so many slots. */
#define TIDY_SLOTS 4u

/*
 * The interval for a file that is out of sight: the check costs more then, and the file
 * does not come back.
 */
#define UNSEEN_NS 10000000000ull

/* Longer than grace_advance() may return -EAGAIN. */
#define PAUSE_NS 1000000l
#define PAUSES 1200u

int handle_thread_slow(struct kreg *k, struct thread **out)
{
	if (!k)
		return refuse(k, K_IS_NULL);
	if (!k->writable)
		return -EROFS;
	if (handle_is_parents(k))
		return -EOWNERDEAD;
	if (!life_is_alive(&k->lives, k->self.owner))
		return unguarded_why(k);
	return thread_get(k, out);
}

/*
 * A reader's is asked here, when it is first needed: the first look of a process at its own
 * folder of /proc takes some 25 us, and a process has the same PID namespace for all its life.
 * Where /proc is hidden by then, a pidfd says it, since Linux 6.11; before, the process gets what
 * one does that never saw /proc. A child of fork() that asks for its copy may be in another
 * namespace than its parent, and asks for its own.
 */
static uint64_t own_pid_namespace(const struct kreg *k)
{
	uint64_t own = load_relaxed(&k->pid_namespace); /* relaxed: a number alone */

	if (own == PID_NAMESPACE_NOT_ASKED) {
		own = row_pid_namespace();
		own = own ? own : row_pid_namespace_without_proc();
		/* Callers hold the handle as const. relaxed: as above; all threads store the same */
		store_relaxed(&((struct kreg *)k)->pid_namespace, own);
	}
	return own;
}

/* The guard's pids are those of the initial PID namespace. */
bool handle_pid_is_ours(const struct kreg *k, owner_t owner)
{
	uint64_t theirs = ROW_PID_NAMESPACE_INITIAL, own;

	if (!k->lives.facts) {
		if (owner_seat(owner) >= row_end(&k->segment))
			return false;
		theirs = k->segment.rows[owner_seat(owner)].who.pid_namespace;
	}
	own = own_pid_namespace(k);
	/* If /proc does not show a namespace, the two are assumed to be equal. */
	return !own || !theirs || own == theirs;
}

static bool look_for_file(struct kreg *k, uint64_t now)
{
	const struct segment_path path = {
		.directory = k->origin->directory,
		.file = k->origin->file,
	};
	enum lost found = lost_look(&k->segment, &path);

	if (found == LOST && k->writable)
		succession_end_lost(&k->segment);
	if (found == LOST_UNSEEN)
		store_relaxed(&k->next_look, now + UNSEEN_NS); /* relaxed: as in handle_is_due() */
	return found == LOST;
}

bool handle_is_lost(struct kreg *k)
{
	uint64_t now = clock_tick();

	return (handle_is_due(&k->next_look, now) && look_for_file(k, now)) ||
	       unguarded_look(k, now);
}

int handle_begin_slow(struct kreg *k, struct thread **out)
{
	UNCANCELLABLE;
	int err = handle_thread(k, out);

	if (caa_unlikely(err))
		return err;
	return segment_is_over(&k->segment) || (handle_looks_are_due(k) && handle_is_lost(k))
		       ? -ESHUTDOWN
		       : 0;
}

int handle_enter(struct kreg *k, struct thread **out)
{
	int err = handle_begin(k, out);

	if (!err)
		grace_write_enter(&k->segment, (*out)->writer.slot);
	return err;
}

/*
 * Memory that is retired now has then gone through the two epochs that it waits for,
 * unless a thread is inside a section.
 */
void handle_advance(struct kreg *k)
{
	int i;

	for (i = 0; i < 2; i++) {
		if (grace_advance(&k->segment, &k->lives, GRACE_PATIENT, NULL))
			return;
	}
}

/* The same when memory is short: waits for sections that end within a second. */
static void advance_at_once(struct kreg *k)
{
	const struct timespec pause = { .tv_nsec = PAUSE_NS };
	uint32_t epochs = 0, pauses = 0;
	int err;

	while (epochs < 2 && pauses < PAUSES) {
		err = grace_advance(&k->segment, &k->lives, GRACE_AT_ONCE, NULL);
		if (!err) {
			epochs++;
		} else if (err != -EAGAIN) {
			return;
		} else {
			pauses++;
			clock_nanosleep(CLOCK_MONOTONIC, 0, &pause, NULL);
		}
	}
}

int64_t handle_reclaim(struct kreg *k)
{
	struct thread *thread;
	int64_t bytes;
	int err = handle_enter(k, &thread);

	if (err)
		return err;
	bytes = (int64_t)sweep_all(&thread->writer);
	handle_leave(thread);
	interrupted_all(&k->segment, &k->lives);
	advance_at_once(k);
	heap_collect(k->heap, true);
	return bytes;
}

bool handle_make_room(struct kreg *k, int err)
{
	bool is_narrow = k->segment.slabs_mapped < k->segment.slabs_max;

	/*
	 * Sweeping the dead does not help against a quota: it counts the caller's own
	 * memory.
	 */
	if (err != -ENOSPC && (err != -ENOMEM || !is_narrow) &&
	    (err != -EDQUOT || !heap_may_shrink(k->heap)))
		return false;
	return handle_reclaim(k) >= 0;
}

/* Only now and then, because the slots are cache lines of their threads. */
static void look_for_interrupted(struct kreg *k)
{
	uint32_t from = load_relaxed(&k->slots_from); /* relaxed: a hint where to continue */

	interrupted_some(&k->segment, &k->lives, &from, TIDY_SLOTS);
	store_relaxed(&k->slots_from, from); /* relaxed: as above */
}

void handle_tidy_slow(struct kreg *k, bool look)
{
	UNCANCELLABLE;

	heap_collect(k->heap, false);
	if (look)
		look_for_interrupted(k);
}
