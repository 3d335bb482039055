/* SPDX-License-Identifier: MIT */
/*
 * The steps of a change that registers or unregisters a name, inline: most calls are one of
 * these two, and a call for each step would take as long as the steps.
 *
 * Promises  as change.h of change_link() and change_unlink().
 * Needs     the same.
 * Context   the same.
 * Used by   change.c, change_find.c, register.c.
 */
#ifndef KREG_LIB_CHANGE_STEP_H
#define KREG_LIB_CHANGE_STEP_H

#include "base/probe.h"
#include "lib/names/change.h"
#include "lib/names/tell.h"
#include "shm/bell.h"
#include "shm/index.h"
#include "shm/succession.h"

#pragma GCC visibility push(hidden)

/*
 * How many times a table has to seem too small, for a count of the entries: that goes
 * through all owners.
 */
#define COUNT_EVERY 16u

/* Keeps the table wide enough, and sweeps a little of what the dead have left. */
void change_tidy(struct change *change, bool crowded, bool sweeps);

/*
 * Asked before the call, because mostly there is nothing to do. A thread's first registration
 * sweeps: others may end before they have made TIDY_EVERY.
 */
static inline void change_tidy_if_due(struct change *change, struct thread *thread,
				      const struct linked *linked)
{
	bool sweeps = !(thread->registers++ % TIDY_EVERY);
	bool crowded = false;

	if (caa_unlikely(linked->crowded)) /* relaxed: a hint */
		crowded = !(fetch_add_relaxed(&change->k->crowded, 1u) % COUNT_EVERY);
	if (caa_unlikely(sweeps || crowded || linked->unready))
		change_tidy(change, crowded, sweeps);
}

/* Gifts are counted in their slabs. */
static inline bool change_is_counted(uint64_t info)
{
	return entry_kind(info) == ENTRY_NAME && !entry_is_gift(info);
}

/* @before and @after are the info words of the old and the new entry, or 0. */
void change_count_kinds(struct kreg *k, uint64_t before, uint64_t after);

static inline __attribute__((always_inline)) void change_count(struct kreg *k, uint64_t before,
							       uint64_t after)
{
	if (caa_likely(!before && change_is_counted(after)))
		row_add(&k->segment, k->self.owner, 1);
	else if (caa_likely(!after && change_is_counted(before)))
		row_add(&k->segment, k->self.owner, -1);
	else
		change_count_kinds(k, before, after);
}

/* Wakes the waiters of the key. Each change ends with a CAS: the count's. */
static inline void change_ring(struct kreg *k, const struct query *q)
{
	bell_ring_after_cas(bell_of(&k->segment, q->bell));
}

/*
 * A process that destroys or replaces the registry has either seen our count, or we see
 * its word now; then the entry is removed again.
 */
static inline int change_still_current(struct change *change, struct kreg *k,
				       const struct found *own)
{
	if (caa_likely(succession_stay(&k->segment)))
		return 0;
	change_unlink(change, own);
	return -ESHUTDOWN;
}

/*
 * Links the caller's @own, which is of one or two blocks that are filled in. As change_link()
 * otherwise; what is in *change is kept in registers.
 */
static inline __attribute__((always_inline)) int change_link_own(struct change *change,
								 const struct found *own,
								 enum table_rule rule,
								 struct linked *out)
{
	struct thread *thread = change->thread;
	const struct query *q = change->q;
	struct kreg *k = change->k;
	uint64_t info = own->info;
	int err;

	/* The entry is still private, so the hazard needs no check. */
	grace_name(&thread->writer, HAZARD_NEW, own->place);
	err = table_link(&thread->writer, q, own->place, rule, out);
	if (caa_unlikely(err))
		return err;
	change_count(k, 0, info);
	err = change_still_current(change, k, own);
	if (caa_likely(!err && entry_kind(info) == ENTRY_NAME)) {
		PROBE(name_registered, k->segment.inode, q->key, q->key_size, out->ahead);
		tell_register(k, own,
			      (out->ahead ? LOG_WAITING : 0) | (out->front ? LOG_FRONT : 0));
		change_ring(k, q);
	}
	/* Last, because nothing waits for it. */
	change_tidy_if_due(change, thread, out);
	return err;
}

/*
 * As change_find_holder(). An entry that has a mark, or is another one since its cell was
 * read, has not what is asked for here. What the check finds named stays as it is.
 */
static inline __attribute__((always_inline)) bool change_find_first(struct change *change,
								    struct found *out)
{
	const struct writer *w = &change->thread->writer;
	const struct query *q = change->q;
	struct kreg *k = change->k;
	struct entry *entry;
	place_t place;
	ref_t next;

	if (caa_unlikely(index_probe(&k->segment, q, &entry, &place) ||
			 !grace_protect(w, HAZARD_OWN, place)))
		return false;
	next = table_load(&entry->next);
	out->entry = entry;
	out->place = place;
	out->owner = load_relaxed(&entry->owner); /* relaxed: behind the cell */
	out->info = load_relaxed(&entry->info);   /* relaxed: as above */
	return !(next & REF_MARK) && ref_order(next) != q->order && out->owner == k->self.owner &&
	       entry_kind(out->info) == ENTRY_NAME &&
	       entry_has_key(&k->segment, entry, out->info, q->key, q->key_size);
}

static inline __attribute__((always_inline)) int change_unlink_own(struct change *change,
								   const struct found *found)
{
	struct thread *thread = change->thread;
	const struct query *q = change->q;
	struct kreg *k = change->k;
	uint64_t info = found->info;
	bool is_name = entry_kind(info) == ENTRY_NAME;
	bool announced = is_name && tell_unregister(k, found);
	place_t place;
	int err = table_unlink(&thread->writer, q, found, &place);

	if (caa_unlikely(announced))
		tell_unregister_done(k);
	if (caa_unlikely(err))
		return err;
	if (is_name) {
		PROBE(name_unregistered, k->segment.inode, q->key, q->key_size);
		if (!announced)
			tell_unregistered(k, found);
	}
	change_count(k, info, 0);
	blocks_retire(k, &thread->writer, place, info);
	change_ring(k, q);
	/*
	 * A reserved name has no record in the log, but the next in line may hold the
	 * name now.
	 */
	if (caa_unlikely(entry_kind(info) == ENTRY_RESERVED))
		log_tell_after_cas(&k->segment);
	return 0;
}

#pragma GCC visibility pop

#endif
