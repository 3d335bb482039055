/* SPDX-License-Identifier: MIT */
/*
 * Detection of halted processes. While a thread is inside of a call that writes, its
 * slot's `writing` is set. If that, and all records of its process, are as they were at
 * the last look, the process is halted in the middle of a call, or as slow as if it were.
 * A change that it has made before its record is in the table, and in no log. It may be of
 * another's entry, if it began the call before anybody listened, or had no memory for the record.
 *
 * When the process goes on, it writes the record of a change that is known by then; the
 * mirror skips it.
 */
#include "lib/events/halted.h"

#include <errno.h>
#include <stdlib.h>

#include "base/clock.h"
#include "shm/gift.h"
#include "shm/row.h"

/*
 * While a process stays halted, nothing can change unless a signal continues it and stops
 * it again.
 */
#define REPEAT_NS 1000000000ull

struct halted_seat {
	uint64_t inside, published; /* as of the last look */
	uint64_t now;
	uint64_t
		compared; /* when its entries were compared with the table; 0: not during this call */
};

int halted_init(struct halted *halted, struct kreg *k)
{
	*halted = (struct halted){ .k = k };
	halted->seats = calloc(k->segment.seats, sizeof(*halted->seats));
	return halted->seats ? 0 : -ENOMEM;
}

void halted_free(struct halted *halted)
{
	free(halted->seats);
}

static uint64_t mix(uint64_t print, uint64_t word)
{
	return (print ^ word) * 0x9e3779b97f4a7c15ull + 1;
}

/*
 * A value that identifies the thread's section, and its owner; 0: no section, or its
 * program is over.
 */
static uint64_t section(const struct kreg *k, uint32_t number, owner_t *owner)
{
	const struct slot *slot = &k->segment.slots[number];
	uint64_t word = load_relaxed(&slot->owner);      /* relaxed: only a reason to look */
	uint64_t writing = load_relaxed(&slot->writing); /* relaxed: as above */

	*owner = owner_without_image(word);
	if (!writing || owner_seat(word) >= k->segment.seats ||
	    !life_image_is_alive(&k->lives, word))
		return 0;
	return mix(mix(number + 1ull, word), writing);
}

bool halted_is_inside(const struct kreg *k)
{
	uint32_t i, end = segment_slots(&k->segment);
	owner_t owner;

	for (i = 0; i < end; i++) {
		if (section(k, i, &owner))
			return true;
	}
	return false;
}

static void look_at_slots(struct halted *halted)
{
	uint32_t i, end = row_end(&halted->k->segment);
	owner_t owner;
	uint64_t one;

	for (i = 0; i < end; i++)
		halted->seats[i].now = 0;
	end = segment_slots(&halted->k->segment);
	for (i = 0; i < end; i++) {
		one = section(halted->k, i, &owner);
		if (one)
			halted->seats[owner_seat(owner)].now =
				mix(halted->seats[owner_seat(owner)].now, one);
	}
}

/* Whether the entries of @seat have to be compared with the table now. */
static bool is_halted(struct halted *halted, uint32_t seat, uint64_t time)
{
	const struct row *row = &halted->k->segment.rows[seat];
	struct halted_seat *at = &halted->seats[seat];
	/* relaxed: only compared with its own earlier value */
	uint64_t published = load_relaxed(&row->log_published);
	bool same = at->now && at->now == at->inside && published == at->published;

	at->inside = at->now;
	at->published = published;
	if (!same)
		at->compared = 0;
	return same && time - at->compared >= REPEAT_NS;
}

int halted_catch_up(struct halted *halted, struct mirror *m)
{
	uint32_t seat, end = row_end(&halted->k->segment), entries;
	bool all = gift_was_any(&halted->k->segment), any = false;
	uint64_t time = clock_now();
	owner_t owner;
	int err = 0;

	if (time - halted->at < HALTED_NS)
		return 0;
	halted->at = time;
	look_at_slots(halted);
	for (seat = 0; seat < end && !err; seat++) {
		if (!is_halted(halted, seat, time))
			continue;
		owner = row_owner(&halted->k->segment, &halted->k->lives, seat, &entries);
		any |= owner != 0;
		if (owner && !all)
			err = mirror_resync(m, owner);
		if (!err)
			halted->seats[seat].compared = time;
	}
	return any && all ? mirror_resync(m, 0) : err;
}
