/* SPDX-License-Identifier: MIT */
/*
 * Quota: how many slabs one owner may take, and how many it has.
 *
 * Without it one process could fill the registry for all.
 *
 * Promises  an owner that keeps to this library takes at most header->owner_slabs slabs,
 *           through all its handles and programs together, and gets them back as it gives
 *           up what lies in them; no other owner's writes are slower for it.
 * Needs     quota_take(), quota_take_gift() and their returns: the heap's lock.
 * Context   any thread. quota_take() looks at all slabs where it would refuse otherwise.
 * Used by   heap, lib/.
 */
#ifndef KREG_SHM_QUOTA_H
#define KREG_SHM_QUOTA_H

#include "shm/land.h"

/* Private to the process; changed under the heap's lock. */
struct quota {
	/* of this program's heap, and of an earlier program of the process */
	uint32_t slabs;
	/* of gifts made by the process: not fewer than there are */
	uint32_t gifts;
};

/* Counts what the process has already, by an earlier program. */
void quota_begin(struct quota *quota, const struct segment *s, owner_t self);

/*
 * To be called before slabs are taken, for the heap or for a gift: if it were after, two
 * threads could both take the last one. -EDQUOT: it would be too many, and nothing has
 * changed.
 */
int quota_take(struct quota *quota, const struct segment *s, owner_t self, uint32_t slabs);
int quota_take_gift(struct quota *quota, const struct segment *s, owner_t self, uint32_t slabs);

/* The slabs were not taken after all, or the heap has given them back. */
void quota_return(struct quota *quota, uint32_t slabs);
void quota_return_gift(struct quota *quota, uint32_t slabs);

/* The slabs that count for @owner; for each living owner, added to an array by seat. */
uint32_t quota_used(const struct segment *s, owner_t owner);
void quota_used_by_all(const struct segment *s, const struct life_table *lives, uint32_t *slabs,
		       uint32_t seats);

#endif
