/* SPDX-License-Identifier: MIT */
/*
 * Close: what the handle registered goes at once, and its memory with it.
 *
 *   step                                  killed here
 *   gifts are unregistered one by one     absent, because their owner is dead
 *   all else is marked and unlinked       the same
 *   the slabs are retired                 the same, and they are the dead's
 *   the slots and the life are given up   they are over
 */
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "lib/attendant.h"
#include "lib/give.h"
#include "lib/tell.h"
#include "shm/bell.h"
#include "shm/row.h"
#include "shm/sweep.h"

/*
 * Unregisters all, and gives the slabs back; without a slot, or where the table is damaged, they stay
 * until the process ends.
 */
static void leave_registry(struct kreg *k)
{
	struct thread *thread;
	struct swept swept;
	bool clean;

	give_up_gifts(k);
	if (!handle_thread(k, &thread)) {
		grace_write_enter(&k->segment, thread->writer.slot);
		clean = sweep_own(&thread->writer, &k->heap, &swept);
		row_add(&k->segment, k->self.owner, -(int32_t)swept.names);
		row_hold(&k->segment, k->self.owner, -(int32_t)swept.held);
		row_lock(&k->segment, &k->self, -(int32_t)swept.locks);
		handle_leave(thread);
		if (clean)
			heap_deinit(&k->heap);
		tell_resync(k);
		bell_ring_all(&k->segment);
		handle_advance(k);
	}
	threads_give_up(k);
	life_robust_detach(&k->self);
}

static void free_private(struct kreg *k)
{
	heap_forget(&k->heap);
	origin_free(k->origin);
	life_robust_forget(&k->self);
	free(k);
}

void kreg_close(struct kreg *k)
{
	UNCANCELLABLE;
	if (!k)
		return;
	attendant_stop(k);
	if (!handle_is_parents(k))
		leave_registry(k);
	threads_give_up(k);
	pthread_key_delete(k->thread_key);
	segment_close(&k->segment);
	life_guard_close(&k->lives);
	munmap(k->fork_mark, (size_t)sysconf(_SC_PAGESIZE));
	free_private(k);
}
