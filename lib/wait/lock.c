/* SPDX-License-Identifier: MIT */
/*
 * Locks by key: a line of entries of a kind of their own.
 *
 *   state                       who changes it                      killed there
 *   waiting: not the first      the first unlocks or dies           absent: no trace in the line
 *   held: the first living      the holder unlocks                  absent: the next one holds it
 *
 * The CAS that links an entry fixes its place in the line; no other entry can overtake
 * it. No word names the holder, so a death leaves no such word wrong.
 */
#include <errno.h>

#include "lib/names/change.h"
#include "lib/wait/pending.h"
#include "lib/wait/wait.h"
#include "shm/query.h"

static int lock_join(struct kreg *k, const struct query *q, place_t *place)
{
	struct content content = { .kind = ENTRY_LOCK };
	struct change change;
	struct linked linked;
	struct blocks blocks;
	int err = handle_check(k);

	if (!err)
		err = blocks_make(k, q, &content, &blocks);
	if (err)
		return err;
	*place = blocks.entry;
	err = change_enter(&change, k, q);
	if (!err) {
		err = change_link(&change, &blocks, LINK_LAST, &linked);
		change_leave(&change);
	}
	blocks_return(k, &blocks);
	return err;
}

static ssize_t look_for_lock(struct kreg *k, const struct query *q, void *data)
{
	const place_t *place = data;
	struct found first;
	int err = wait_find(k, q, &first);

	if (err)
		return err == -ENOENT ? -EOWNERDEAD : err;
	if (first.place == *place && first.owner == k->self.owner)
		return 0;
	return -EAGAIN;
}

static bool is_held_by_other(struct kreg *k, const struct line_view *view, const void *data,
			     owner_t *blocker)
{
	const place_t *place = data;

	(void)k;
	*blocker = view->first.owner;
	return view->first.owner && view->first.place != *place;
}

int kreg_lock(struct kreg *k, const void *key, size_t key_size, int64_t timeout_ms,
	      struct kreg_lock *lock)
{
	UNCANCELLABLE;
	struct query q;
	place_t place;
	ssize_t got = lock ? key_of_call(k, key, &key_size) : refuse(k, "lock is NULL");

	if (got)
		return (int)got;
	q = table_query_lock(&k->segment, key, key_size);
	got = lock_join(k, &q, &place);
	if (got)
		return (int)got;
	got = wait_until(k, &q, timeout_ms,
			 &(struct wait_for){ .look = look_for_lock,
					     .must_wait = is_held_by_other,
					     .data = &place });
	if (got)
		change_unlink_at(k, &q, place);
	else
		lock->place = place;
	return (int)got;
}

static void leave_line(struct kreg *k, const struct query *q, const union pending_subject *subject)
{
	change_unlink_at(k, q, subject->place);
}

int kreg_lock_begin(struct kreg_pending **out, struct kreg *k, const void *key, size_t key_size)
{
	UNCANCELLABLE;
	static const struct pending_kind kind = {
		.wait = { .look = look_for_lock, .must_wait = is_held_by_other },
		.leave = leave_line,
	};
	union pending_subject own;
	struct query q;
	int err = out ? key_of_call(k, key, &key_size) : refuse(k, OUT_IS_NULL);

	if (err)
		return err;
	q = table_query_lock(&k->segment, key, key_size);
	err = lock_join(k, &q, &own.place);
	if (err)
		return err;
	err = pending_begin(out, k, &q, &kind, &own);
	if (err)
		change_unlink_at(k, &q, own.place);
	return err;
}

/* Makes the query for the caller's entry at @place, and copies its key. -ENOENT: it is no lock. */
static int lock_key(struct kreg *k, place_t place, unsigned char *key, struct query *q)
{
	const struct entry *entry = segment_entry(&k->segment, place);
	uint64_t info = entry ? load_relaxed(&entry->info) : 0; /* relaxed: our own entry */

	if (entry_kind(info) != ENTRY_LOCK ||
	    !entry_has_room(&k->segment, entry, ENTRY_HEAD + entry_key_size(info)))
		return -ENOENT;
	copy_out(key, entry->bytes, entry_key_size(info));
	*q = table_query_lock(&k->segment, key, entry_key_size(info));
	return 0;
}

#define NOT_HELD "lock is not held through this handle's process: kreg_lock() fills it in"

int kreg_unlock(struct kreg *k, struct kreg_lock *lock)
{
	UNCANCELLABLE;
	unsigned char key[KREG_KEY_MAX];
	struct thread *thread;
	struct query q;
	place_t place;
	int err;

	if (!k || !lock)
		return refuse(k, k ? "lock is NULL" : K_IS_NULL);
	err = lock->place && lock->place <= PLACE_MAX ? handle_enter(k, &thread)
						      : refuse(k, NOT_HELD);
	if (err)
		return err;
	place = (place_t)lock->place;
	do {
		err = lock_key(k, place, key, &q);
	} while (grace_again(&thread->writer));
	handle_leave(thread);
	if (!err)
		err = change_unlink_at(k, &q, place);
	if (err == -ENOENT)
		err = refuse(k, NOT_HELD);
	if (!err)
		lock->place = 0;
	return err;
}
