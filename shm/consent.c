/* SPDX-License-Identifier: MIT */
/*
 * The bit, beside the number of listeners; log_listeners.c draws the word.
 */
#include "shm/consent.h"

#define OF_PROGRAM (ROW_LISTENERS | ROW_CONSENT)

void consent_set(const struct segment *s, const struct life_self *self, bool is_given)
{
	uint32_t *word = &s->rows[owner_seat(self->owner)].listeners;
	uint32_t mine = (uint32_t)owner_with_image(0, self->image);
	uint32_t seen = load_relaxed(word); /* relaxed: the CAS checks it */
	uint32_t next;

	do {
		next = (seen & ~OF_PROGRAM) == mine ? seen & ~ROW_CONSENT : mine;
		next |= is_given ? ROW_CONSENT : 0;
		/* relaxed: it stands for itself; the number beside it is as in listeners_add() */
	} while (!__atomic_compare_exchange_n(word, &seen, next, false, __ATOMIC_RELAXED,
					      __ATOMIC_RELAXED));
}

bool consent_is_given(const struct segment *s, const struct life_table *lives, owner_t owner)
{
	const struct row *row = row_look(s, owner_seat(owner));
	/*
	 * ORD[consent_is_given:A] acquire: whose row it is, then the consent, which that life
	 * has cleared before; pairs with row_open:A
	 */
	uint64_t entries = load_acquire(&row->entries);
	uint32_t word = load_relaxed(&row->listeners); /* relaxed: behind the row's owner */

	return owner_incarnation(entries) == owner_incarnation(owner) && (word & ROW_CONSENT) &&
	       life_image_is_alive(lives, owner | (word & ~OF_PROGRAM));
}
