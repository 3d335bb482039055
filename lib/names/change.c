/* SPDX-License-Identifier: MIT */
/*
 * The steps that every change of the table consists of.
 *
 *   step                                    killed here
 *   the table's CAS: the change has         new entries are absent, because their owner is
 *   happened                                dead
 *   it is counted in the row                the row is void
 *   its record goes into the log            no record, unless it was written before; listeners
 *                                           learn of the death from the kernel
 *   the bell is rung                        waiters watch our life as well
 *   what was replaced is retired            its slab is a dead owner's
 *   tidying: grow, sweep, collect           see each of them
 *
 * The lock of a key keeps the steps of two threads of this process apart, whether they
 * use one handle or two. Without it, the count or the record of one change could follow
 * the CAS of the other, so listeners would see the two in the wrong order.
 */
#include "lib/names/change_step.h"

#include <errno.h>

#include "shm/gift.h"
#include "shm/log.h"
#include "shm/row.h"
#include "shm/sweep.h"
#include "shm/query.h"

int change_enter(struct change *change, struct kreg *k, const struct query *q)
{
	struct thread *thread;
	int err = handle_begin(k, &thread);

	if (!err)
		change_begin(change, k, q, thread);
	return err;
}

/*
 * One thread of a handle at a time: where to go on is more than one word. As long as there
 * are some, each registration sweeps.
 */
static void sweep(struct change *change)
{
	struct kreg *k = change->k;
	uint64_t none = 0;

	/* ORD[sweep:A] acquire: that nobody sweeps, then where to go on; pairs with sweep:B */
	if (!cas_acq_rel(&k->sweeping, &none, 1ull))
		return;
	if (sweep_some(&change->thread->writer, &k->sweep) || k->sweep.owner)
		change->thread->registers = 0;
	/* ORD[sweep:B] release: where to go on, then that nobody sweeps; pairs with sweep:A */
	store_release(&k->sweeping, 0ull);
}

void change_tidy(struct change *change, bool crowded, bool sweeps)
{
	UNCANCELLABLE;
	struct kreg *k = change->k;
	struct segment *s = &k->segment;

	if (crowded)
		table_grow(s, row_sum(s, &k->lives, NULL));
	table_prepare(&change->thread->writer, change->q->hash);
	if (sweeps)
		sweep(change);
}

/* Reserved: not found by lookups, but it keeps the registry in use. */
static bool keeps_in_use(uint64_t info)
{
	return entry_kind(info) == ENTRY_RESERVED && !entry_is_gift(info);
}

/* Kinds that end with the program, not with the process. */
static bool is_lock(uint64_t info)
{
	return entry_is_of(info, KINDS_OF_PROGRAMS);
}

void change_count_kinds(struct kreg *k, uint64_t before, uint64_t after)
{
	const struct segment *s = &k->segment;
	int32_t more = change_is_counted(after) - change_is_counted(before);
	int32_t held = keeps_in_use(after) - keeps_in_use(before);
	int32_t locks = is_lock(after) - is_lock(before);

	/*
	 * Raise before lowering: a process that wants to end the registry must never see
	 * both at 0.
	 */
	if (held > 0)
		row_hold(s, k->self.owner, held);
	if (more)
		row_add(s, k->self.owner, more);
	if (held < 0)
		row_hold(s, k->self.owner, held);
	if (locks)
		row_lock(s, &k->self, locks);
}

/* Our reserved name has become a name that lookups find. */
static void tell_published(struct change *change, const struct found *own)
{
	change->waits = !table_settle(&change->thread->writer, change->q, own->owner, own->place);
	PROBE(name_registered, change->k->segment.inode, change->q->key, change->q->key_size,
	      change->waits);
	tell_register(change->k, own, change->waits ? LOG_WAITING : 0);
	change_ring(change->k, change->q);
}

static void note_given(const struct change *change, owner_t to)
{
	const struct segment *s = &change->k->segment;

	PROBE(name_given, s->inode, change->q->key, change->q->key_size,
	      load_relaxed(&row_look(s, owner_seat(to))->who.pid)); /* relaxed: for people */
}

static struct found found_own(struct change *change, place_t place)
{
	struct found own = { .place = place, .owner = change->k->self.owner };

	own.entry = segment_entry(&change->k->segment, place);
	if (own.entry)
		own.info = load_relaxed(&own.entry->info); /* relaxed: our own entry */
	return own;
}

int change_link(struct change *change, struct blocks *blocks, enum table_rule rule,
		struct linked *out)
{
	struct found own = found_own(change, blocks->entry);
	int err;

	if (!own.entry)
		return -EUCLEAN;
	err = change_link_own(change, &own, rule, out);
	/* With -ESHUTDOWN it was linked, and retired again. */
	if (!err || err == -ESHUTDOWN)
		blocks_linked(change->k, blocks);
	return err;
}

/*
 * The holder's memory is a gift's, so this process, which ends it, retires it. The record is
 * written before the change, as for an unregistration: the holder's owner has none to write.
 */
int change_take(struct change *change, const struct found *holder, struct blocks *blocks,
		struct linked *out)
{
	const struct writer *w = &change->thread->writer;
	struct found own = found_own(change, blocks->entry);
	struct kreg *k = change->k;
	bool announced;
	place_t old;
	int err;

	if (!own.entry)
		return -EUCLEAN;
	/* What was found is still that entry, if the section has not been entered again. */
	if (!grace_protect(w, HAZARD_OWN, holder->place))
		return -EAGAIN;
	announced = tell_take(k, holder);
	grace_name(w, HAZARD_NEW, own.place);
	err = table_take(w, change->q, holder, own.place, &old);
	if (announced)
		tell_unregister_done(k);
	if (err)
		return err == -ENOENT ? -EAGAIN : err;
	if (!announced)
		tell_taken(k, holder);
	PROBE(name_unregistered, k->segment.inode, change->q->key, change->q->key_size);
	change_count(k, 0, own.info);
	*out = (struct linked){ .front = true };
	err = change_still_current(change, k, &own);
	if (!err && entry_kind(own.info) == ENTRY_NAME) {
		PROBE(name_registered, k->segment.inode, change->q->key, change->q->key_size, 0);
		tell_register(k, &own, 0);
	}
	blocks_linked(k, blocks);
	blocks_retire(k, w, old, holder->info);
	change_ring(k, change->q);
	return err;
}

int change_unlink(struct change *change, const struct found *found)
{
	return change_unlink_own(change, found);
}

/*
 * A gift is counted in its slab. A process that walks all slabs may pass the new gift's
 * slab before the gift is linked, and the old one's after that was replaced, and so miss
 * both. The row's count covers that time. -ESHUTDOWN.
 */
static int hold(struct change *change)
{
	row_hold(&change->k->segment, change->k->self.owner, 1);
	if (succession_stay(&change->k->segment))
		return 0;
	row_hold(&change->k->segment, change->k->self.owner, -1);
	return -ESHUTDOWN;
}

static void unhold(struct change *change)
{
	row_hold(&change->k->segment, change->k->self.owner, -1);
}

int change_replace(struct change *change, const struct found *found, struct blocks *blocks)
{
	struct kreg *k = change->k;
	struct found own = found_own(change, blocks->entry);
	place_t old;
	bool held;
	int err;

	if (!own.entry)
		return -EUCLEAN;
	held = entry_is_gift(found->info) || entry_is_gift(own.info);
	err = held ? hold(change) : 0;
	if (err)
		return err;
	if (!entry_is_gift(own.info))
		heap_tag_like(k->heap, own.place, found->place);
	row_move(&k->segment, k->self.owner);
	grace_name(&change->thread->writer, HAZARD_NEW, own.place);
	err = table_replace(&change->thread->writer, change->q, found, own.place, &old);
	if (!err)
		change_count(k, found->info, own.info);
	if (held)
		unhold(change);
	if (err)
		return err;
	blocks_linked(k, blocks);
	blocks_retire(k, &change->thread->writer, old, found->info);
	err = change_still_current(change, k, &own);
	if (err)
		return err;
	if (is_lock(own.info))
		return 0;
	if (entry_kind(found->info) == entry_kind(own.info)) {
		tell_update(k, &own, found->place, change->silent ? LOG_SILENT : 0);
	} else {
		tell_published(change, &own);
	}
	return 0;
}

int change_give(struct change *change, const struct found *found, const struct gift_made *gift,
		owner_t to)
{
	struct kreg *k = change->k;
	struct found given = found_own(change, gift->place);
	place_t old;
	bool announced;
	int err;

	if (!given.entry)
		return -EUCLEAN;
	err = hold(change);
	if (err)
		return err;
	if (found->owner == to)
		row_move(&k->segment, to);
	grace_name(&change->thread->writer, HAZARD_NEW, gift->place);
	announced = tell_give(k, &given, found->place, to);
	err = table_replace(&change->thread->writer, change->q, found, gift->place, &old);
	if (announced)
		tell_unregister_done(k);
	unhold(change);
	if (err)
		return err;
	gift_linked(&k->segment, gift);
	note_given(change, to);
	if (!announced)
		tell_given(k, &given, found->place, to);
	/* relaxed: from before the link on, or its owner tells when it closes */
	if (caa_unlikely(load_relaxed(&given.entry->owner) != to))
		tell_refused(k, &given, to);
	change_count(k, found->info, 0);
	blocks_retire(k, &change->thread->writer, old, found->info);
	change_ring(change->k, change->q);
	return 0;
}

int change_link_gift(struct change *change, const struct gift_made *gift, enum table_rule rule,
		     struct linked *out)
{
	struct kreg *k = change->k;
	int err;

	grace_name(&change->thread->writer, HAZARD_NEW, gift->place);
	err = table_link(&change->thread->writer, change->q, gift->place, rule, out);
	if (err)
		return err;
	gift_linked(&k->segment, gift);
	change_tidy_if_due(change, change->thread, out);
	change_ring(change->k, change->q);
	return succession_stay(&k->segment) ? 0 : -ESHUTDOWN;
}

int change_link_name(struct change *change, const struct gift_made *gift, owner_t to,
		     enum table_rule rule, struct linked *out)
{
	struct kreg *k = change->k;
	struct found given = found_own(change, gift->place);
	bool announced;
	int err;

	if (!given.entry)
		return -EUCLEAN;
	grace_name(&change->thread->writer, HAZARD_NEW, gift->place);
	/*
	 * Before it happens, unlike one for ourselves: that of a registrant that is killed
	 * behind the CAS never counts, but this one does, and nobody else would report it.
	 */
	announced = tell_give(k, &given, 0, to);
	err = table_link(&change->thread->writer, change->q, gift->place, rule, out);
	if (announced)
		tell_unregister_done(k);
	if (err)
		return err;
	gift_linked(&k->segment, gift);
	note_given(change, to);
	if (!announced)
		tell_given(k, &given, 0, to);
	change_ring(k, change->q);
	if (!succession_stay(&k->segment)) {
		given.owner = to;
		change_unlink_gift(change, &given);
		return -ESHUTDOWN;
	}
	change_tidy_if_due(change, change->thread, out);
	return 0;
}

int change_unlink_gift(struct change *change, const struct found *found)
{
	struct kreg *k = change->k;
	bool announced;
	place_t place;
	int err;

	if (found->owner == k->self.owner)
		return change_unlink_own(change, found);
	announced = tell_take(k, found);
	err = table_unlink(&change->thread->writer, change->q, found, &place);
	if (announced)
		tell_unregister_done(k);
	if (err)
		return err;
	if (entry_kind(found->info) == ENTRY_NAME)
		PROBE(name_unregistered, k->segment.inode, change->q->key, change->q->key_size);
	if (!announced)
		tell_taken(k, found);
	blocks_retire(k, &change->thread->writer, place, found->info);
	change_ring(k, change->q);
	return 0;
}

int change_publish(struct change *change, const struct found *found)
{
	struct kreg *k = change->k;
	struct found own = *found;
	uint64_t seen = found->info;
	int err;
	uint64_t next = (seen & ~((uint64_t)ENTRY_KIND_MASK << ENTRY_KIND_SHIFT)) |
			(uint64_t)ENTRY_NAME << ENTRY_KIND_SHIFT;

	if (entry_is_replaceable(next))
		next |= (uint64_t)ENTRY_LISTED << ENTRY_KIND_SHIFT;
	/* relaxed: key and value were there before the link that leads to them */
	if (!cas_relaxed(&found->entry->info, &seen, next)) /* the name is published here */
		return -ENOENT;
	own.info = next;
	change_count(k, found->info, next);
	err = change_still_current(change, k, &own);
	if (err)
		return err;
	tell_published(change, &own);
	return 0;
}
