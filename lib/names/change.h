/* SPDX-License-Identifier: MIT */
/*
 * Changes: what every call that changes the table has in common, whatever it is called.
 *
 * Promises  a change is one CAS of the table; it is counted, its memory goes back in time, and what
 *           happens to one key by several threads of this process happens one after the other.
 * Needs     change_enter() before and change_leave() after; in between no other call of kreg.
 * Context   any thread; lock-free between processes, a mutex within this one.
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
	uint64_t swept;
	bool waits; /* what was published is behind others in line */
};

/* Errors as kreg_register() has them for the handle. */
int change_enter(struct change *change, struct kreg *k, const struct query *q);
void change_leave(struct change *change);

/* Links @blocks and takes them over. As table_link(), and -ESHUTDOWN. */
int change_link(struct change *change, struct blocks *blocks, enum table_rule rule,
		struct linked *out);

/* Unregisters one's own entry; -ENOENT: it is not registered any more. */
int change_unlink(struct change *change, const struct found *found);

/* Puts @blocks in the place of one's own entry and takes them over. -ENOENT, -ESHUTDOWN. */
int change_replace(struct change *change, const struct found *found, struct blocks *blocks);

/*
 * Puts @gift, which is @to's, in the place of one's own entry, or of one that was reserved for him by
 * change_link_gift(). -ENOENT.
 */
int change_give(struct change *change, const struct found *found, const struct gift_made *gift,
		owner_t to);

/*
 * Links @gift, which is reserved. As table_link() by @rule;
 * -ESHUTDOWN: the registry is over, and the gift is linked nevertheless.
 */
int change_link_gift(struct change *change, const struct gift_made *gift, enum table_rule rule,
		     struct linked *out);

/* Lets one's own reserved entry be found as it is. */
int change_publish(struct change *change, const struct found *found);

/*
 * Our entries that match the change's query, one by one; -ENOENT, -EUCLEAN. An entry that is left registered
 * is to be noted in @after, because the walk may have to begin again.
 */
struct own_line {
	struct query q;
	struct table_walk walk;
	bool begun;
	uint16_t renewals; /* when the walk was begun */
	place_t after;
};
void change_own_line(struct change *change, struct own_line *line);
int change_own_next(struct change *change, struct own_line *line, struct found *out);

/*
 * The first own entry that matches the change's query; the one at @place. -ENOENT, -EUCLEAN. What these and
 * change_own_next() have found stays as it is, its value included, until another one is found or the change left.
 */
int change_find_own(struct change *change, struct found *out);
int change_find_at(struct change *change, place_t place, struct found *out);

/* How many living ones are in front of our entry at @place, reserved ones too; 0 with duplicate keys. */
uint32_t change_ahead(struct change *change, place_t place);

/*
 * Outside of a change: our entry, which may be another one as soon as this returns, and a copy of its value
 * if there is room for it. The value's size.
 */
ssize_t change_copy_own(struct kreg *k, const struct query *q, struct found *own, void *value,
			size_t capacity);

#pragma GCC visibility pop

#endif
