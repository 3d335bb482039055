/* SPDX-License-Identifier: MIT */
/*
 * What each owner uses: slots of threads, read sections in them, memory of its log.
 *
 * Promises  figures as of some moment of the call, of living owners. The time for which a section
 *           has blocked the epoch is what others have noted; it decides nothing.
 * Needs     nothing; a read-only handle suffices.
 * Context   any thread; wait-free; the time is proportional to the slots and slabs.
 * Used by   owner.c, lib/registry/stat.c.
 */
#ifndef KREG_LIB_USAGE_H
#define KREG_LIB_USAGE_H

#include "lib/handle/handle.h"

#pragma GCC visibility push(hidden)

/* A thread's slot. */
struct usage_slot {
	owner_t owner;
	bool reads;
	bool blocks;        /* its section keeps the epoch from advancing */
	int64_t held_up_ms; /* since a writer has met it there; -1: none has */
};

/* False: it is free, or a dead owner's. */
bool usage_of_slot(const struct kreg *k, const struct slot *slot, uint64_t epoch,
		   struct usage_slot *out);

struct usage {
	uint32_t slabs, slots, readers;
	int64_t held_up_ms; /* of the section that has blocked the epoch longest; -1: none is */
};

/* Of @owner; and of all living ones, in an array by seat, of @seats. Return: 0, -ENOMEM. */
void usage_of_owner(const struct kreg *k, owner_t owner, struct usage *out);
int usage_of_all(const struct kreg *k, struct usage *by_seat, uint32_t seats);

#pragma GCC visibility pop

#endif
