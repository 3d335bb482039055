/* SPDX-License-Identifier: MIT */
/*
 * Changes: the frame of every call that changes the table.
 *
 * Promises  a change is one CAS of the table; it is counted, its memory is reclaimed, and
 *           changes of one key by several threads of this process happen one after the
 *           other.
 * Needs     change_enter() before and change_leave() after it; no other call of kreg in
 *           between.
 * Context   any thread; lock-free between processes, a lock within this one.
 * Used by   lib/.
 */
#ifndef KREG_LIB_CHANGE_H
#define KREG_LIB_CHANGE_H

#include "lib/names/blocks.h"
#include "shm/gift.h"

#pragma GCC visibility push(hidden)

struct change {
	struct kreg *k;
	const struct query *q;
	struct thread *thread;
	bool waits;  /* the published entry, or that with new flags, is behind others in line */
	bool silent; /* listeners are not told of what change_replace() changes */
};

/*
 * Errors for the handle as kreg_register(). change_begin(): if handle_begin() has just said
 * that it may write.
 */
int change_enter(struct change *change, struct kreg *k, const struct query *q);

static inline struct lock *change_lock(const struct change *change)
{
	return &change->k->member->key_locks[change->q->bell % KEY_LOCKS];
}

static inline void change_begin(struct change *change, struct kreg *k, const struct query *q,
				struct thread *thread)
{
	*change = (struct change){ .k = k, .q = q, .thread = thread };
	/*
	 * Before the section: a thread that waits for the lock inside of one would delay
	 * reclaiming.
	 */
	lock_take(change_lock(change));
	grace_write_enter(&k->segment, thread->writer.slot);
}

static inline void change_leave(struct change *change)
{
	struct thread *thread = change->thread;
	struct kreg *k = change->k;

	handle_leave(thread);
	lock_give(change_lock(change));
	handle_tidy(k, thread);
}

/* Links @blocks and takes ownership of them. Errors as table_link(), and -ESHUTDOWN. */
int change_link(struct change *change, struct blocks *blocks, enum table_rule rule,
		struct linked *out);

/*
 * Takes the name over from @holder, as change_link() has returned it with -EEXIST; it
 * entry_is_dropped(). -EAGAIN: it has ended, or may be another one; link again.
 */
int change_take(struct change *change, const struct found *holder, struct blocks *blocks,
		struct linked *out);

/* Unregisters the caller's own entry. -ENOENT: it is no longer registered. */
int change_unlink(struct change *change, const struct found *found);

/*
 * Replaces the caller's own entry by @blocks, and takes ownership of them. -ENOENT,
 * -ESHUTDOWN.
 */
int change_replace(struct change *change, const struct found *found, struct blocks *blocks);

/*
 * Replaces the caller's own entry, or a gift that @to has, reserved or not, by @gift, which
 * belongs to @to. -ENOENT, -ESHUTDOWN.
 */
int change_give(struct change *change, const struct found *found, const struct gift_made *gift,
		owner_t to);

/*
 * Links @gift, which is reserved. Errors as table_link() by @rule. -ESHUTDOWN: the
 * registry is over, but the gift is linked.
 */
int change_link_gift(struct change *change, const struct gift_made *gift, enum table_rule rule,
		     struct linked *out);

/*
 * The same of a name that @to has from then on. -ESHUTDOWN: the registry is over, and the gift
 * is retired.
 */
int change_link_name(struct change *change, const struct gift_made *gift, owner_t to,
		     enum table_rule rule, struct linked *out);

/* Unregisters @found, a gift, which its owner or anybody else may do. As change_unlink(). */
int change_unlink_gift(struct change *change, const struct found *found);

/* Publishes the caller's own reserved entry as it is. */
int change_publish(struct change *change, const struct found *found);

/*
 * Iterates over the caller's entries that match the change's query. -ENOENT, -EUCLEAN. A
 * caller that leaves an entry registered stores its place in @after, because the walk may
 * have to start again. If another process has unregistered that one by then, all that is left is
 * iterated over once more. change_line_of(): @owner's entries.
 */
struct own_line {
	struct query q;
	struct table_walk walk;
	bool begun;
	uint16_t renewals; /* when the walk was started */
	place_t after;
};
void change_own_line(struct change *change, struct own_line *line);
void change_line_of(struct change *change, owner_t owner, struct own_line *line);
int change_own_next(struct change *change, struct own_line *line, struct found *out);

/*
 * Unregisters @found, which change_own_next() has returned last. 1; 0: another process was first. Where
 * that has replaced the entry, the new one may be behind the walk, so this begins again. -EUCLEAN.
 */
int change_own_unlink(struct change *change, struct own_line *line, const struct found *found);

/*
 * The first own entry that matches the change's query; the one at @place. -ENOENT,
 * -EUCLEAN. What these and change_own_next() return stays as it is, with its value, until
 * another entry is found or the change is left; but another process may replace or unregister a
 * gift, so what is done to one may fail with -ENOENT.
 */
int change_find_own(struct change *change, struct found *out);
int change_find_at(struct change *change, place_t place, struct found *out);

/*
 * Outside of a change: unregisters the own entry at @place that matches @q. -ENOENT, -EUCLEAN, and
 * as change_enter().
 */
int change_unlink_at(struct kreg *k, const struct query *q, place_t place);

/*
 * The same as change_find_own(), without going along the line, for the usual case that the caller holds the name
 * and nobody is behind: then it has no other entry of the key. False: go along the line.
 */
bool change_find_holder(struct change *change, struct found *out);

/*
 * How many living entries, reserved ones included, are in front of our entry at @place; 0
 * with duplicate keys.
 */
uint32_t change_ahead(struct change *change, place_t place);

/*
 * Outside of a change: our entry, which may be replaced as soon as this returns, and a
 * copy of its value. Returns the value's size. -ERANGE: it does not fit.
 */
ssize_t change_copy_own(struct kreg *k, const struct query *q, struct found *own, void *value,
			size_t capacity);

/*
 * Outside of a change, for calls on the caller's own entry: @err, but -EPERM instead of
 * -ENOENT if another process holds the name or has reserved it. Duplicate keys are no
 * one's alone.
 */
int change_whose(struct kreg *k, const struct query *q, int err);

#pragma GCC visibility pop

#endif
