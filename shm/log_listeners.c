/* SPDX-License-Identifier: MIT */
/*
 * Who reads the logs, so that nobody writes them in vain.
 *
 * header->listening is odd as long as somebody may listen; a writer looks at it alone. Who listens is in the rows, bound to the
 * program, so that it ends with the program whatever becomes of that:
 *
 *   31               16 15                0
 *  +-------------------+-------------------+
 *  | image, as in an   | how many          |   listeners: written by the holder of the seat
 *  | owner word        |                   |
 *  +-------------------+-------------------+
 *
 *   killed here, or exec               what is left
 *   after the row was raised           a number that is void with the life, or with the image
 *   after `listening` was set          records for nobody, until a writer has written some thousand and looks at the rows
 */
#include "shm/log.h"

#include "shm/row.h"

/* So many listeners of one program are not counted down any more. */
#define LISTENERS_MAX 0xffffu

/* Where they are in an owner word, and in a row's listeners. */
static uint64_t image_bits(uint32_t image)
{
	return owner_with_image(0, image);
}

static void listening_set(const struct segment *s, uint64_t seen, bool wanted)
{
	/*
	 * Up by two, so that a late change of somebody else's fails.
	 *
	 * ORD[listening_set:A] release: our row, then the word; pairs with log_check_listeners:A
	 */
	while (!cas_acq_rel(&s->header->listening, &seen, ((seen | 1) + 2) - !wanted)) {
		if (!wanted)
			return;
	}
}

/* One more or less of @self's program. The first one ends what an earlier program had. */
static void listeners_add(const struct segment *s, const struct life_self *self, int32_t more)
{
	uint32_t *word = &s->rows[owner_seat(self->owner)].listeners;
	uint32_t mine = (uint32_t)image_bits(self->image);
	uint32_t seen = load_relaxed(word); /* relaxed: log_listen() has a fence behind it */
	uint32_t count;

	do {
		count = (seen & ~LISTENERS_MAX) == mine ? seen & LISTENERS_MAX : 0;
		if (count == LISTENERS_MAX || (more < 0 && !count))
			return;
		/* relaxed: as above */
	} while (!__atomic_compare_exchange_n(word, &seen, mine | (count + (uint32_t)more), false,
					      __ATOMIC_RELAXED, __ATOMIC_RELAXED));
}

static bool has_listeners(const struct segment *s, const struct life_table *lives, uint32_t seat)
{
	uint32_t word = load_relaxed(&s->rows[seat].listeners), entries; /* relaxed: see below */
	owner_t owner = word & LISTENERS_MAX ? row_owner(s, lives, seat, &entries) : 0;

	return owner && life_image_is_alive(lives, owner | (word & ~LISTENERS_MAX));
}

void log_listen(const struct segment *s, const struct life_self *self)
{
	listeners_add(s, self, 1);
	/* relaxed: the CAS looks again */
	listening_set(s, load_relaxed(&s->header->listening), true);
	/*
	 * ORD[log_listen:A] full: that we listen, then the first look at the entries: a change
	 * that this look misses is told, as log_is_wanted() is asked behind a fence as well; pairs with
	 * successor_load:A, tell_unregistered:A, tell_given:A, tell_resync:A
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
	 * ORD[log_check_listeners:A] acquire: the word, then the rows of those who raised it; pairs with
	 * listening_set:A
	 */
	uint64_t seen = load_acquire(&s->header->listening);
	uint32_t seat, end = row_end(s);

	/* Who comes now has raised the word that the CAS expects. */
	for (seat = 0; seat < end; seat++) {
		if (has_listeners(s, lives, seat))
			return;
	}
	if (seen & 1)
		listening_set(s, seen, false);
}

static uint64_t mix(uint64_t print, uint64_t word)
{
	print = (print ^ word) * 0x9e3779b97f4a7c15ull;
	return print ^ print >> 32;
}

uint64_t log_print(const struct segment *s, const struct life_table *lives)
{
	uint32_t seat, end = row_end(s);
	uint64_t print = mix(segment_is_over(s), end);

	/* relaxed: words that stand for themselves; who is told by this looks at them anew */
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
