/* SPDX-License-Identifier: MIT */
/*
 * `regtool guard stop --force` ends lives whose processes go on. Their table is gone with the guard, but for those who
 * have it mapped; everybody else would find processes that are alive (judge.c), and take none of their registries over.
 * So a process that finds its own life ended notes in each row which life it has seen to be over there, not only in its
 * own: another one may be stopped, or have called exec, and look never.
 *
 *   row->ended        means                                      becomes, by
 *   0                 nothing is known                           an incarnation, by whoever has the table; CAS
 *   an incarnation    that life in the seat is over, and so are  a higher one, the same
 *                     all earlier ones
 *
 * It only grows, so a process that was stopped before its CAS takes nothing back, and the next life in the seat is not
 * meant by it.
 *
 *   killed here                  what is left
 *   between two rows             some are noted; the others may bar a take-over until another process looks, or
 *                                theirs have ended
 */
#include "shm/ended.h"

#include "shm/row.h"

static void note(struct row *row, uint32_t incarnation)
{
	/* relaxed: a fact for good that stands for itself */
	uint32_t seen = load_relaxed(&row->ended);

	/* relaxed: as above */
	while (seen < incarnation && !cas_relaxed_32(&row->ended, &seen, incarnation))
		;
}

void ended_note_all(const struct segment *s, const struct life_table *lives)
{
	uint32_t seat, end = row_end(s);

	/* In the fallback the words are in the segment, for all to see. */
	if (s->lives)
		return;
	for (seat = 0; seat < end; seat++) {
		/* relaxed: the word of the life says whether it is over, whenever the row was opened */
		owner_t owner = owner_of(load_relaxed(&s->rows[seat].entries), seat);
		uint64_t word = 0;

		/* A word of 0 is a forgotten table's, or of a seat that it does not have. */
		if (!life_look(lives, owner, &word) && word)
			note(&s->rows[seat], owner_incarnation(owner));
	}
}

void ended_note(const struct segment *s, const struct life_table *lives, owner_t owner)
{
	if (!ended_is_known(s, owner))
		ended_note_all(s, lives);
}

bool ended_is_known(const struct segment *s, owner_t owner)
{
	const struct row *row = &s->rows[owner_seat(owner)];
	uint32_t incarnation = owner_incarnation(owner);

	/* relaxed: as in note(); a row that a later life has opened says the same of the earlier ones */
	return incarnation <= load_relaxed(&row->ended) ||
	       incarnation < owner_incarnation(load_relaxed(&row->entries)); /* relaxed: as above */
}
