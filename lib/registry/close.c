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
 * The tag of its block says through which handle an entry was registered; an update
 * through another handle keeps the tag. Another thread may put an entry with that tag
 * into a slab already passed, so the slabs are searched until none is found.
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "lib/wait/attendant.h"
#include "lib/wait/waker.h"
#include "lib/names/change.h"
#include "lib/names/tell.h"
#include "lib/registry/options.h"
#include "shm/bell.h"
#include "shm/ended.h"
#include "shm/gift.h"
#include "shm/row.h"
#include "shm/sweep.h"
#include "shm/query.h"

/* Unregisters the entry at @place if it was registered through this handle. */
static bool unregister_place(struct kreg *k, place_t place)
{
	const struct entry *entry = segment_entry(&k->segment, place);
	unsigned char key[KREG_KEY_MAX];
	struct change change;
	struct found own;
	struct query q;
	uint64_t info;
	int err;

	/*
	 * The entry may be unregistered and its memory used again meanwhile; the search
	 * for the key in it decides.
	 */
	if (!entry || table_load(&entry->next) & REF_MARK)
		return false;
	info = load_relaxed(&entry->info); /* relaxed: as above */
	if (!entry_is_of(info, KINDS_USED) ||
	    !entry_has_room(&k->segment, entry, ENTRY_HEAD + entry_key_size(info)))
		return false;
	copy_out(key, entry->bytes, entry_key_size(info));
	q = table_query_entry(&k->segment, k->self.owner, info, key);
	if (KIND_OF(entry_kind(info)) & KINDS_OF_NAMES)
		q.kinds = KINDS_OF_NAMES;
	/* A waiter for the end of a claim waits at the bell of the name. */
	if (entry_kind(info) == ENTRY_CLAIM)
		q.bell = table_query(&k->segment, key, entry_key_size(info)).bell;
	if (change_enter(&change, k, &q))
		return false;
	err = change_find_at(&change, place, &own);
	if (!err && heap_tag_of(k->heap, place) == k->number)
		err = change_unlink(&change, &own);
	else
		err = -ENOENT;
	change_leave(&change);
	return !err;
}

static void unregister_tagged(struct kreg *k)
{
	place_t places[HEAP_RUN_BLOCKS];
	uint32_t run, runs, count, i;
	bool found;

	do {
		found = false;
		for (run = 0, runs = 1; run < runs; run++) {
			count = heap_tagged(k->heap, run, k->number, places, &runs);
			for (i = 0; i < count; i++)
				found |= unregister_place(k, places[i]);
		}
	} while (found);
}

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

void kreg_close(struct kreg *k)
{
	UNCANCELLABLE;
	if (!k)
		return;
	wakers_stop(k);
	attendant_stop(k);
	if (k->member) {
		if (!handle_is_parents(k) && member_has_others(k))
			unregister_tagged(k);
		member_leave(k, leave);
	} else {
		threads_give_up(k);
		segment_close(&k->segment);
		life_guard_close(&k->lives);
	}
	threads_end(k);
	munmap(k->fork_mark, (size_t)sysconf(_SC_PAGESIZE));
	origin_free(k->origin);
	free(k);
}
