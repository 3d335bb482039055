/* SPDX-License-Identifier: MIT */
/*
 * Ended: lives that are over although their processes go on, noted in the registry's
 * rows.
 *
 * `regtool guard stop --force` ends lives whose processes go on. Their table is gone with
 * the guard, except for processes that have it mapped; all others would find those
 * processes alive (judge.c) and never take over a registry of theirs. So a process that
 * finds its own life ended notes in each row the life that it has seen to be over there,
 * not only in its own: another process may be stopped, or have called exec, and never
 * look.
 *
 *   row->ended        means                                      becomes, by
 *   0                 nothing is known                           an incarnation, by a process that
 *                                                                has the table; CAS
 *   an incarnation    that life in the seat is over, and so are  a higher one, the same
 *                     all earlier ones
 *
 * It only grows, so a process that was stopped before its CAS takes nothing back, and the
 * next life in the seat is not affected.
 *
 *   killed here                  what is left
 *   between two rows             some are noted; the others may prevent a take-over until another
 *                                process looks, or theirs have ended
 */
#include "shm/ended.h"

#include "shm/row.h"

/*
 * Raises row->ended to @incarnation. A plain store could lower it: another process may
 * have noted a later life between the load and the store.
 */
static void note(struct row *row, uint32_t incarnation)
{
	/* relaxed: a permanent fact that stands for itself */
	uint32_t seen = load_relaxed(&row->ended);

	/* relaxed: as above */
	while (seen < incarnation && !cas_relaxed_32(&row->ended, &seen, incarnation))
		;
}

void ended_note_all(const struct segment *s, const struct life_table *lives)
{
	uint32_t seat, end = row_end(s);

	/*
	 * In the fallback the life words are in the segment, where every process can read
	 * them.
	 */
	if (s->lives)
		return;
	for (seat = 0; seat < end; seat++) {
		/*
		 * relaxed: the word of the life says whether it is over, whenever the row
		 * was opened
		 */
		owner_t owner = owner_of(load_relaxed(&s->rows[seat].entries), seat);
		uint64_t word = 0;

		/*
		 * A word of 0 is that of a forgotten table (life_gone.c), in which all
		 * lives look ended, or of a seat that the table does not have. Neither is
		 * evidence, and a note cannot be taken back.
		 */
		if (!life_look(lives, owner, &word) && word)
			note(&s->rows[seat], owner_incarnation(owner));
	}
}

/*
 * The caller's own row is enough to tell that all rows were noted: ended_note_all() notes
 * them in one go, and if it was killed half-way, a row that is not noted makes its own
 * process note all.
 */
void ended_note(const struct segment *s, const struct life_table *lives, owner_t owner)
{
	if (!ended_is_known(s, owner))
		ended_note_all(s, lives);
}

bool ended_is_known(const struct segment *s, owner_t owner)
{
	const struct row *row = row_look(s, owner_seat(owner));
	uint32_t incarnation = owner_incarnation(owner);

	/*
	 * relaxed: as note(); a row that a later life has opened says the same of the
	 * earlier ones, because the seat was free by then
	 */
	return incarnation <= load_relaxed(&row->ended) ||
	       incarnation < owner_incarnation(load_relaxed(&row->entries)); /* relaxed: as above */
}
