/* SPDX-License-Identifier: MIT */
/*
 * Which places the hazards name, for a process that is about to reuse memory.
 *
 * The fence between the expulsion of a section and the look at its hazards is that of
 * grace_advance(): it comes before the epoch in which the memory is free, and the epoch
 * is loaded before the hazards. So one look serves all memory that was free in the epoch
 * loaded before it, as long as that memory is not in use: a hazard stored later is that
 * of a section that has been expelled, whose check fails.
 *
 * The hazards of a slot that is in no call are left from its last one and name nothing.
 * Those of the dead do not count. In the fallback a thread of the dead may run for
 * another instant, so it is ended by a fence; see grace.c. Where the kernel refuses the
 * fence, they count until another thread has taken the slot.
 *
 * Memory that is named is not lost: its owner tries again two epochs later (heap.c), or
 * the next process that looks for a slab does (land.c).
 */
#include "shm/grace.h"

/*
 * Copies the hazards of @slot. False: its thread is in no call, so they name nothing.
 * *dead: its program is gone, so they need not count.
 */
static bool hazards_read(const struct life_table *lives, struct slot *slot, place_t *places,
			 bool *dead)
{
	uint64_t owner;
	uint32_t i;

	*dead = false;
	/*
	 * ORD[hazards_read:A] acquire: a hazard, then the reuse of what it no longer
	 * names; pairs with grace_name:A
	 */
	if (!load_acquire(&slot->writing))
		return false;
	owner = load_acquire(&slot->owner);
	for (i = 0; i < SLOT_HAZARDS; i++)
		places[i] = load_acquire(&slot->hazards[i]);
	*dead = owner && !life_image_is_alive(lives, owner);
	return owner;
}

/*
 * Adds the places of one slot. Once the list is full, only the count goes on: then each
 * place is looked up in the slots themselves.
 */
static void named_add(struct grace_named *out, const place_t *places)
{
	uint32_t i;

	for (i = 0; i < SLOT_HAZARDS && out->count <= NAMED_MAX; i++) {
		if (!places[i])
			continue;
		if (out->count < NAMED_MAX)
			out->places[out->count] = places[i];
		out->count++;
	}
}

/*
 * One pass over all slots. Returns whether hazards were left out because their owner is
 * dead.
 */
static bool named_read(const struct segment *s, const struct life_table *lives, bool with_dead,
		       struct grace_named *out)
{
	/* Behind the epoch; the slots of all sections that matter were counted before it. */
	uint32_t i, end = segment_slots(s);
	place_t places[SLOT_HAZARDS];
	bool any = false, dead;

	out->count = 0;
	for (i = 0; i < end; i++) {
		if (!hazards_read(lives, &s->slots[i], places, &dead))
			continue;
		if (dead && !with_dead)
			any = true;
		else
			named_add(out, places);
	}
	return any;
}

void grace_named_read(const struct segment *s, const struct life_table *lives,
		      struct grace_named *out)
{
	/*
	 * ORD[hazards_read:B] acquire: the epoch, then the hazards; pairs with
	 * grace_advance:C
	 */
	out->epoch = load_acquire(&s->header->epoch);
	/* Without the fence a dead thread might still be about to CAS what it named. */
	if (named_read(s, lives, false, out) && !grace_fence())
		named_read(s, lives, true, out);
}

/*
 * Whether any of @places is one of the @size lines from @from on. An unused hazard, 0,
 * never is: no land is at place 0.
 */
static bool is_within(const place_t *places, uint32_t count, place_t from, uint32_t size)
{
	uint32_t i;

	for (i = 0; i < count; i++) {
		if (places[i] - from < size)
			return true;
	}
	return false;
}

/*
 * The same for all slots, if there are more hazards than a list has room for. The dead
 * count here, which may only keep memory for longer.
 */
static bool is_named_by_any(const struct segment *s, const struct life_table *lives, place_t from,
			    uint32_t size)
{
	uint32_t i, end = segment_slots(s);
	place_t places[SLOT_HAZARDS];
	bool dead;

	for (i = 0; i < end; i++) {
		if (hazards_read(lives, &s->slots[i], places, &dead) &&
		    is_within(places, SLOT_HAZARDS, from, size))
			return true;
	}
	return false;
}

/*
 * A list that was read in an epoch in which @stamp was not past
 * yet says nothing about this memory: sections that were open then could still name it.
 */
bool grace_is_free_of(const struct segment *s, const struct life_table *lives,
		      struct grace_named *named, uint64_t stamp, place_t place, uint32_t size)
{
	if (!named->epoch || named->epoch - stamp < 2 || named->epoch < stamp)
		grace_named_read(s, lives, named);
	if (named->count > NAMED_MAX)
		return !is_named_by_any(s, lives, place, size);
	return !is_within(named->places, named->count, place, size);
}
