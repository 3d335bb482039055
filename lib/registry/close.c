/* SPDX-License-Identifier: MIT */
/*
 * Closing a handle: what was registered through it is unregistered at once, and its
 * memory is reclaimed. Names that other handles of the process have registered in the
 * same registry stay. Gifts belong to the process, so the last handle ends them,
 * and also what an earlier program of the process has registered before exec.
 *
 *   step                                  killed here
 *   not the last: one entry after         absent, because its owner is dead
 *     the other is unregistered
 *   the last: the row says so             the same; exec: nothing is given to it until it
 *                                         opens the registry again
 *   the owner of gifts becomes nobody     the same
 *     (gift.c)
 *   all else is marked and unlinked       the same
 *   the row says that there is nothing    it is void
 *   the slabs are retired                 the same, and they are the dead's
 *   the slots and the life are given up   they are over
 *
 * exec under the guard: what is left belongs to the process, and is unregistered with the
 * last handle of the new program.
 *
 * Another thread may update an entry of this handle through its own, and so put it into a
 * slab already passed: the slabs are searched until none is found (unregister_all.c).
 */
#include <errno.h>
#include <stdlib.h>

#include "lib/wait/attendant.h"
#include "lib/wait/waker.h"
#include "lib/names/tell.h"
#include "lib/names/unregister_all.h"
#include "lib/registry/options.h"
#include "shm/bell.h"
#include "shm/consent.h"
#include "shm/ended.h"
#include "shm/gift.h"
#include "shm/row.h"
#include "shm/sweep.h"

/*
 * Unregisters everything and gives the slabs back. Without a slot, or if the table is
 * damaged, entries stay until the process ends, or under the guard until it closes its
 * last handle again.
 */
static void leave_registry(struct kreg *k)
{
	struct thread *thread;
	bool clean;

	/* From here on nothing is made for us; what was made before is found below. */
	row_close(&k->segment, k->self.owner);
	consent_set(&k->segment, &k->self, false);
	if (handle_thread(k, &thread))
		return;
	grace_write_enter(&k->segment, thread->writer.slot);
	gift_refuse_all(&thread->writer);
	clean = sweep_own(&thread->writer);
	row_clear(&k->segment, &k->lives, &k->self);
	/*
	 * Inside of the section, so that a process that is stopped before this record
	 * counts as halted (halted.c).
	 */
	tell_resync(k);
	handle_leave(thread);
	if (clean)
		heap_deinit(k->heap);
	bell_ring_all(&k->segment);
	handle_advance(k);
}

static void leave(struct kreg *k, bool is_last)
{
	if (!handle_is_parents(k)) {
		/*
		 * The next process that opens the registry, maybe this one, will not have
		 * the life table any longer.
		 */
		if (!life_is_alive(&k->lives, k->self.owner))
			ended_note_all(&k->segment, &k->lives);
		if (is_last)
			leave_registry(k);
	}
	threads_give_up(k);
}

static void unregister_registered(struct kreg *k)
{
	while (unregister_of_handle(k, KINDS_USED) > 0)
		;
}

void kreg_close(struct kreg *k)
{
	UNCANCELLABLE;
	if (!k)
		return;
	wakers_stop(k);
	attendant_stop(k);
	if (k->member) {
		if (!handle_is_parents(k) && member_has_others(k))
			unregister_registered(k);
		member_leave(k, leave);
	} else {
		threads_give_up(k);
		segment_close(&k->segment);
		life_guard_close(&k->lives);
	}
	threads_end(k);
	origin_free(k->origin);
	free(k);
}
