/* SPDX-License-Identifier: MIT */
/*
 * Listeners: whether the logs have any reader, so that nobody writes them for nothing.
 *
 * header->listening is odd as long as there may be a listener; it is all that a writer
 * looks at. The rows tell which processes listen. They bind a listener to its program,
 * so that it ends with the program, however that ends:
 *
 *   31               16  15  14            0
 *  +-------------------+---+---------------+
 *  | image, as in an   | C | how many      |   listeners: written by the holder of the seat
 *  | owner word        |   |               |
 *  +-------------------+---+---------------+
 *
 *  C: see consent.h
 *
 *   killed here, or exec               what is left
 *   after the row was raised           a number that is void with the life, or with the image
 *   after `listening` was set          records for nobody, until a writer has written some
 *                                      thousand and looks at the rows
 *
 * Nobody clears `listening` when a listener ends: another one may have begun meanwhile,
 * and only a look at all rows can tell. A count that is too high costs records; one
 * that is too low would cost a listener its events, so every doubt here leaves the word
 * odd.
 */
#include "shm/log.h"

#include "shm/row.h"

/*
 * A count that has reached this is no longer changed: it would run into the image. Then
 * the program counts as listening until it ends.
 */
#define LISTENERS_MAX ROW_LISTENERS

/* The bits of @image, at the same position in an owner word and in a row's listeners. */
static uint64_t image_bits(uint32_t image)
{
	return owner_with_image(0, image);
}

/*
 * Makes the word odd, or even if it is still @seen. A CAS to odd is repeated, as the
 * listener must not go on without it; one to even is not: the word has changed because
 * a listener has begun, or because another writer was first.
 */
static void listening_set(const struct segment *s, uint64_t seen, bool wanted)
{
	/*
	 * Always upwards, so no value comes back, and a CAS that a stopped process
	 * does late fails: it would turn a later listener's word even.
	 *
	 * ORD[listening_set:A] release: our row, then the word; pairs with
	 * log_check_listeners:A
	 */
	while (!cas_acq_rel(&s->header->listening, &seen, ((seen | 1) + 2) - !wanted)) {
		if (!wanted)
			return;
	}
}

/*
 * Adds @more to the count of @self's program. If the row has another image, that
 * program is over, and its count with it: counting starts at 0. A count is never
 * lowered below that, whatever another process has written there.
 */
static void listeners_add(const struct segment *s, const struct life_self *self, int32_t more)
{
	uint32_t *word = &s->rows[owner_seat(self->owner)].listeners;
	uint32_t mine = (uint32_t)image_bits(self->image);
	uint32_t seen = load_relaxed(word); /* relaxed: log_listen() has a fence behind it */
	uint32_t count, next;

	do {
		/* With the consent of the same program, if it has given that. */
		uint32_t kept = (seen & ~(LISTENERS_MAX | ROW_CONSENT)) == mine ? seen : mine;

		count = kept & LISTENERS_MAX;
		if (count == LISTENERS_MAX || (more < 0 && !count))
			return;
		next = kept + (uint32_t)more;
		/* relaxed: as above */
	} while (!__atomic_compare_exchange_n(word, &seen, next, false, __ATOMIC_RELAXED,
					      __ATOMIC_RELAXED));
}

/*
 * Whether a listener in @seat is alive: the count, then the row's owner and its life,
 * then the image. Without the image the count of a program that exec has ended would
 * keep every writer of the registry writing records as long as the process lives.
 */
static bool has_listeners(const struct segment *s, const struct life_table *lives, uint32_t seat)
{
	uint32_t word = load_relaxed(&s->rows[seat].listeners), entries; /* relaxed: see below */
	owner_t owner = word & LISTENERS_MAX ? row_owner(s, lives, seat, &entries) : 0;

	return owner && life_image_is_alive(lives, owner | (word & ~(LISTENERS_MAX | ROW_CONSENT)));
}

/*
 * The row first: a writer that finds the word odd and no listener in the rows makes it
 * even again, and would do so to a listener that had raised the word before its row.
 */
void log_listen(const struct segment *s, const struct life_self *self)
{
	listeners_add(s, self, 1);
	/* relaxed: the CAS looks again */
	listening_set(s, load_relaxed(&s->header->listening), true);
	/*
	 * ORD[log_listen:A] full: that we listen, then the first look at the entries: a
	 * change that this look misses is recorded, as log_is_wanted() comes behind a
	 * fence as well; pairs with succession_stay:A, tell_unregistered:A,
	 * tell_given:A, tell_taken:A, tell_resync:A
	 */
	full_fence();
}

void log_unlisten(const struct segment *s, const struct life_self *self)
{
	listeners_add(s, self, -1);
}

void log_check_listeners(const struct segment *s, const struct life_table *lives)
{
	/*
	 * ORD[log_check_listeners:A] acquire: the word, then the rows of those who
	 * raised it; pairs with listening_set:A
	 */
	uint64_t seen = load_acquire(&s->header->listening);
	uint32_t seat, end = row_end(s);

	/* A listener that comes now raises the word, so the CAS below fails. */
	for (seat = 0; seat < end; seat++) {
		if (has_listeners(s, lives, seat))
			return;
	}
	if (seen & 1)
		listening_set(s, seen, false);
}

/* Adds @word to @print; the order counts, so a value that moves to another seat shows. */
static uint64_t mix(uint64_t print, uint64_t word)
{
	print = (print ^ word) * 0x9e3779b97f4a7c15ull;
	return print ^ print >> 32;
}

/*
 * Everything that changes with an event is in the print: records and their settling in
 * the rows, deaths in the life words, exec in the images, the end in the segment's
 * word, and in the
 * stamp a record that is still being written.
 */
uint64_t log_print(const struct segment *s, const struct life_table *lives)
{
	uint32_t seat, end = row_end(s);
	uint64_t print = mix(segment_is_over(s), end);

	/* relaxed: words that stand for themselves; a change is only a reason to look */
	print = mix(print, load_relaxed(&s->header->stamp));
	for (seat = 0; seat < end; seat++) {
		const struct row *row = &s->rows[seat];

		print = mix(print, load_relaxed(&row->log_published)); /* relaxed: as above */
		print = mix(print, load_relaxed(&row->log_claimed));   /* relaxed: as above */
		if (seat < lives->seats)
			print = mix(print,
				    load_relaxed(&lives->words[seat])); /* relaxed: as above */
		if (seat < lives->seats && lives->facts)
			print = mix(
				print,
				load_relaxed(&lives->facts[seat].image)); /* relaxed: as above */
	}
	return print;
}
