/* SPDX-License-Identifier: MIT */
/*
 * Quota: how many slabs one owner may take, and how many it has.
 *
 * Promises  an owner that keeps to this library takes no more slabs than header->owner_slabs, through whatever handles
 *           and programs, and gets them back as it gives up what lies in them; nobody else's writing is slower for it.
 * Needs     quota_take(), quota_take_gift() and their returns: the heap's mutex.
 * Context   any thread. quota_take() looks at all slabs where it would refuse otherwise.
 * Used by   heap, lib/.
 */
#ifndef KREG_SHM_QUOTA_H
#define KREG_SHM_QUOTA_H

#include "shm/land.h"

struct quota {
	uint32_t slabs; /* of this program's heap, and of an earlier program of the process */
	uint32_t gifts; /* made by the process: not fewer than there are */
};

void quota_begin(struct quota *quota, const struct segment *s, owner_t self);

/* Before slabs are taken, for the heap or for a gift. -EDQUOT: it would be too many, and nothing has changed. */
int quota_take(struct quota *quota, const struct segment *s, owner_t self, uint32_t slabs);
int quota_take_gift(struct quota *quota, const struct segment *s, owner_t self);

/* They were not taken after all; or slabs of the heap were given back. */
void quota_return(struct quota *quota, uint32_t slabs);
void quota_return_gift(struct quota *quota);

/* The slabs that count for @owner; for each living owner, in an array by seat. */
uint32_t quota_used(const struct segment *s, owner_t owner);
void quota_used_by_all(const struct segment *s, const struct life_table *lives, uint32_t *slabs,
		       uint32_t seats);

#endif
