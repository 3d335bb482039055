/* SPDX-License-Identifier: MIT */
/*
 * Slots as figures. A section has no time of its own, which would cost each one a look at the
 * clock: what is known is since when a writer that wanted the next epoch has found it there.
 */
#include "lib/process/usage.h"

#include <errno.h>
#include <stdlib.h>

#include "shm/expelled.h"
#include "shm/quota.h"

bool usage_of_slot(const struct kreg *k, const struct slot *slot, uint64_t epoch,
		   struct usage_slot *out)
{
	uint64_t owner = load_relaxed(&slot->owner); /* relaxed: a figure */
	uint64_t word;

	if (!owner || !life_image_is_alive(&k->lives, owner))
		return false;
	word = load_relaxed(&slot->reading); /* relaxed: a figure */
	*out = (struct usage_slot){
		.owner = owner_without_image(owner),
		.reads = word & 1,
		.blocks = (word & 1) && word >> 2 != epoch,
		.held_up_ms = -1,
	};
	/* relaxed: hints, of this very section or of another */
	if (out->blocks && load_relaxed(&slot->tardy) == word)
		out->held_up_ms =
			expelled_ms(load_relaxed(&slot->tardy_since)); /* relaxed: as above */
	return true;
}

static void add(struct usage *usage, const struct usage_slot *slot)
{
	usage->slots++;
	usage->readers += slot->reads;
	if (slot->held_up_ms > usage->held_up_ms)
		usage->held_up_ms = slot->held_up_ms;
}

void usage_of_owner(const struct kreg *k, owner_t owner, struct usage *out)
{
	const struct segment *s = &k->segment;
	uint64_t epoch = load_relaxed(&s->header->epoch); /* relaxed: a figure */
	uint32_t i, end = segment_slots(s);
	struct usage_slot slot;

	*out = (struct usage){ .slabs = quota_used(s, owner), .held_up_ms = -1 };
	for (i = 0; i < end; i++) {
		if (usage_of_slot(k, &s->slots[i], epoch, &slot) && slot.owner == owner)
			add(out, &slot);
	}
}

static void count_slabs(const struct kreg *k, struct usage *by_seat, uint32_t seats,
			uint32_t *slabs)
{
	uint32_t seat;

	quota_used_by_all(&k->segment, &k->lives, slabs, seats);
	for (seat = 0; seat < seats; seat++)
		by_seat[seat] = (struct usage){ .slabs = slabs[seat], .held_up_ms = -1 };
}

int usage_of_all(const struct kreg *k, struct usage *by_seat, uint32_t seats)
{
	const struct segment *s = &k->segment;
	uint64_t epoch = load_relaxed(&s->header->epoch); /* relaxed: a figure */
	uint32_t i, end = segment_slots(s), *slabs = calloc(seats + 1u, sizeof(*slabs));
	struct usage_slot slot;

	if (!slabs)
		return -ENOMEM;
	count_slabs(k, by_seat, seats, slabs);
	free(slabs);
	for (i = 0; i < end; i++) {
		if (usage_of_slot(k, &s->slots[i], epoch, &slot) && owner_seat(slot.owner) < seats)
			add(&by_seat[owner_seat(slot.owner)], &slot);
	}
	return 0;
}
