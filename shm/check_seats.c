/* SPDX-License-Identifier: MIT */
/*
 * Rows, slots and logs: what each living owner has recorded agrees with what is there.
 *
 * A thread inside a call that writes may have linked an entry and not counted it yet, so
 * the counts of its owner are compared only if none was inside, neither before the walk
 * nor after it. Nor are they if a call has changed them in between. That the counts are the
 * same afterwards does not say that: an owner that registers one name and unregisters another
 * has the same number of them at nearly any two moments. So row->changes is compared.
 */

#include "shm/check_look.h"
#include "shm/log.h"
#include "shm/row.h"

/* The longest record: a writer makes none that is longer. */
#define RECORD_UNITS (LOG_RECORD_MAX / LOG_UNIT)

/*
 * Notes the owners that have a thread inside. Called twice: a call that began after the
 * first pass and changed the list during the walk is seen in the second, or has changed
 * the row.
 */
static void look_inside(struct look *look)
{
	uint32_t i, end = segment_slots(look->s);

	for (i = 0; i < end; i++) {
		const struct slot *slot = &look->s->slots[i];
		owner_t owner = load_relaxed(&slot->owner); /* relaxed: a look */

		owner = owner_without_image(owner);
		if (owner_seat(owner) >= look->s->seats ||
		    look->seats[owner_seat(owner)].owner != owner)
			continue;
		/*
		 * ORD[look_inside:A] acquire: that a call is over, then what it has counted;
		 * pairs with grace_leave:A
		 */
		if (load_acquire(&slot->writing))
			look->seats[owner_seat(owner)].inside = true;
	}
}

/*
 * Copies the rows. The slots come after them: a call that ends in between has counted by
 * then, and its row, copied before, will differ at the comparison.
 */
void look_seats_before(struct look *look)
{
	uint32_t seat, end = row_end(look->s), entries;

	for (seat = 0; seat < end; seat++) {
		struct look_seat *at = &look->seats[seat];
		const struct row *row = &look->s->rows[seat];

		at->owner = row_owner(look->s, look->lives, seat, &entries);
		at->changes = load_relaxed(&row->changes); /* relaxed: compared afterwards */
		at->entries = load_relaxed(&row->entries); /* relaxed: as above */
		at->held = load_relaxed(&row->held);       /* relaxed: as above */
		at->locks = load_relaxed(&row->locks);     /* relaxed: as above */
		at->doubt = at->owner ? row_doubt(look->s, at->owner) : 0;
	}
	look_inside(look);
}

/*
 * Compares the counts of @seat's owner, which must be alive, with what the walk has
 * found; nothing if that was incomplete, or anything has changed meanwhile.
 */
static void look_counts(struct look *look, uint32_t seat)
{
	const struct look_seat *at = &look->seats[seat];
	const struct row *row = &look->s->rows[seat];
	/*
	 * What exec has interrupted is not in the row but in its doubt, see
	 * interrupted.c.
	 */
	uint64_t names = (uint32_t)((uint32_t)at->entries +
				    (at->doubt & DOUBT_SETTLED ? (uint32_t)at->doubt : 0));
	uint64_t held = (uint32_t)at->held;
	uint64_t locks = row_locks(look->s, look->lives, at->owner);

	/* relaxed: a process that has changed something meanwhile has changed the row */
	if (!look->complete || at->inside || load_relaxed(&row->changes) != at->changes ||
	    load_relaxed(&row->entries) != at->entries || /* relaxed: as above */
	    load_relaxed(&row->held) != at->held ||       /* relaxed: as above */
	    load_relaxed(&row->locks) != at->locks ||     /* relaxed: as above */
	    row_doubt(look->s, at->owner) != at->doubt || (at->doubt & DOUBT_OPEN))
		return;
	if (names != at->names_found)
		look_fault(look, FAULT_COUNT, seat, names << 32 ^ at->names_found,
			   "row %u: process %u counts %llu names, but %llu are linked, so "
			   "kreg_count() is wrong until it closes the registry or ends",
			   seat, look_pid(look, at->owner), (unsigned long long)names,
			   (unsigned long long)at->names_found);
	/*
	 * Reserved names and locks together say whether the registry is in use. After a
	 * doubt a walk says that, and these words may be wrong.
	 */
	if (!at->doubt && (held != at->held_found || locks != at->locks_found))
		look_fault(
			look, FAULT_COUNT, seat | 1ull << 32, held << 32 ^ at->held_found,
			"row %u: process %u counts %llu reserved names and %llu locks, but %llu "
			"and "
			"%llu are linked, so the registry may wrongly appear used or unused until "
			"it closes the registry or ends",
			seat, look_pid(look, at->owner), (unsigned long long)held,
			(unsigned long long)locks, (unsigned long long)at->held_found,
			(unsigned long long)at->locks_found);
}

/*
 * Whether a record of @seat's ends where @published says. Records have no index from
 * behind, so each possible length is tried.
 */
static bool has_last_record(const struct look *look, uint32_t seat, uint64_t published)
{
	const unsigned char *ring;
	uint32_t end = (uint32_t)published % LOG_UNITS(look->s), units;
	struct log_record record;

	if (!segment_see_logs(look->s, seat))
		return true;
	ring = look->s->logs + (uint64_t)seat * look->s->log_bytes;
	/*
	 * Not before the round: no record goes around the ring's end, and what lies there
	 * may not be reserved: reading it would allocate a page, or be SIGBUS on a full
	 * file system.
	 */
	for (units = sizeof(record) / LOG_UNIT; units <= RECORD_UNITS && units < end; units++) {
		copy_out(&record, ring + (end - units) * LOG_UNIT, sizeof(record));
		if (record.bytes == units * LOG_UNIT && owner_seat(record.owner) == seat &&
		    record.type >= LOG_REGISTER && record.type <= LOG_RESYNC &&
		    sizeof(record) + record.key_size + (uint64_t)record.value_size <=
			    record.bytes &&
		    (uint32_t)(published >> 32) - record.number - 1 < LOG_UNITS(look->s))
			return true;
	}
	return !(uint32_t)published;
}

/*
 * Only the guard counts images; the first is 0.
 *
 * relaxed: an image only grows
 */
static bool has_called_exec(const struct look *look, uint32_t seat)
{
	return look->lives->facts && load_relaxed(&look->lives->facts[seat].image);
}

/*
 * A log is checked without its owner's help, also of a dead one: listeners read it too.
 */
static void look_log(struct look *look, uint32_t seat)
{
	const struct row *row = &look->s->rows[seat];
	/* relaxed: compared afterwards */
	uint64_t claimed = load_relaxed(&row->log_claimed);
	uint64_t published, unsettled = claimed >> 32;
	bool sound;

	/*
	 * ORD[look_log:A] acquire: how far it goes, then the records; pairs with
	 * log_publish:A
	 */
	published = load_acquire(&row->log_published);
	sound = has_last_record(look, seat, published);
	/*
	 * ORD[look_log:B] acquire: the bytes, then whether more was written meanwhile;
	 * pairs with log_claim:A
	 */
	fence_acquire();
	/* relaxed: after the fence */
	if (load_relaxed(&row->log_claimed) != claimed ||
	    load_relaxed(&row->log_published) != published) /* relaxed: as above */
		return;
	if (!sound || (uint32_t)claimed - (uint32_t)published > LOG_UNITS(look->s) + RECORD_UNITS)
		look_fault(look, FAULT_LOG, seat, published,
			   "log %u: no record ends where the words %#llx and %#llx say; listeners "
			   "miss earlier records",
			   seat, (unsigned long long)claimed, (unsigned long long)published);
	/* Readers find out by themselves about a record of a program that is gone. */
	if (unsettled && look->seats[seat].owner && !look->seats[seat].inside &&
	    !has_called_exec(look, seat))
		look_fault(look, FAULT_LOG, seat | 1ull << 32, claimed,
			   "log %u: process %u announced record %llu and never completed it; "
			   "listeners wait for it until the process ends",
			   seat, look_pid(look, look->seats[seat].owner),
			   (unsigned long long)unsettled - 1);
}

/* No section, an expelled one, or one of an epoch that has begun. */
static bool section_is_sound(uint64_t word, uint64_t epoch)
{
	return !word || word == SLOT_EXPELLED || ((word & 3) == 1 && word >> 2 <= epoch);
}

static void look_slot(struct look *look, uint32_t number)
{
	const struct slot *slot = &look->s->slots[number];
	uint64_t owner, reading, writing, epoch;

	/*
	 * Before the epoch: read after it, a section of the next epoch would seem to be
	 * in the future. relaxed: if this look reads them in another order, the others do
	 * not
	 */
	reading = load_relaxed(&slot->reading);
	writing = load_relaxed(&slot->writing); /* relaxed: as above */
	epoch = grace_peek(look->s);
	owner = load_relaxed(&slot->owner); /* relaxed: a look */
	if (owner && (owner_seat(owner) >= look->s->seats || !(owner >> 32)))
		look_fault(look, FAULT_SLOT, number, owner,
			   "slot %u: %#llx is not an owner; " LOOK_DAMAGED, number,
			   (unsigned long long)owner);
	if (!section_is_sound(reading, epoch) || !section_is_sound(writing, epoch))
		look_fault(look, FAULT_SLOT, number | 1ull << 32, reading ^ writing,
			   "slot %u of process %u: its section has an epoch in the "
			   "future; " LOOK_DAMAGED,
			   number, look_pid(look, owner_without_image(owner)));
}

/*
 * A listener whose seat counts as listening while header->listening says that nobody
 * does: writers make no records then, and it waits for ever.
 */
static void look_listeners(struct look *look, uint32_t seat)
{
	const struct row *row = &look->s->rows[seat];
	uint64_t listening = load_relaxed(&look->s->header->listening);     /* relaxed: a look */
	uint32_t listeners = load_relaxed(&row->listeners) & ROW_LISTENERS; /* relaxed: a look */

	if (look->seats[seat].owner && listeners && !(listening & 1))
		look_fault(look, FAULT_ROW, seat, listeners,
			   "row %u: process %u listens, but no records are written for it; it must "
			   "close its listener and open another one",
			   seat, look_pid(look, look->seats[seat].owner));
}

/* Slots first, then what depends on no thread being inside. */
void look_seats_after(struct look *look)
{
	uint32_t seat, slot, end = row_end(look->s);

	look_inside(look);
	for (seat = 0; seat < end; seat++) {
		/* The dead's counts are void. */
		if (look->seats[seat].owner && life_is_alive(look->lives, look->seats[seat].owner))
			look_counts(look, seat);
		look_log(look, seat);
		look_listeners(look, seat);
	}
	for (slot = 0; slot < segment_slots(look->s); slot++)
		look_slot(look, slot);
}
