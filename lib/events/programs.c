/* SPDX-License-Identifier: MIT */
#include "lib/events/programs.h"

#include <errno.h>
#include <stdlib.h>

#include "shm/row.h"

/*
 * The program in one seat, as seen last.
 */
struct program {
	uint64_t life_and_image;
	bool is_first; /* of its life that was seen */
	bool is_new;   /* not compared with the table yet */
};

int programs_init(struct programs *programs, struct kreg *k)
{
	*programs = (struct programs){ .k = k };
	if (!k->lives.facts)
		return 0;
	programs->seats = calloc(k->segment.seats, sizeof(*programs->seats));
	return programs->seats ? 0 : -ENOMEM;
}

void programs_free(struct programs *programs)
{
	free(programs->seats);
}

static uint32_t seats_end(const struct programs *programs)
{
	uint32_t end = programs->seats ? row_end(&programs->k->segment) : 0;

	return end < programs->k->lives.seats ? end : programs->k->lives.seats;
}

static uint64_t program_of(const struct life_table *lives, uint32_t seat)
{
	/*
	 * ORD[program_of:A] acquire: the image, then the table, which has all changes of
	 * the earlier program; pairs with kernel sched_process_exec, which counts the
	 * image when the threads of that are gone
	 */
	uint64_t image = load_acquire(&lives->facts[seat].image);

	/* relaxed: another life has records of its own */
	return (load_relaxed(&lives->words[seat]) & ~0xffffffffull) | image;
}

/*
 * Whether the program that is seen first in a life is a later one, which has not opened
 * the registry, or has found that an earlier one was interrupted. A life whose row is not opened
 * yet has no entries, and had no earlier program in the registry.
 */
static bool is_later(const struct segment *s, uint64_t life_and_image, uint32_t seat)
{
	const struct row *row = &s->rows[seat];

	/* relaxed: a row that is about to be opened is looked at again */
	if (load_relaxed(&row->entries) >> 32 != life_and_image >> 32)
		return false;
	/* relaxed: as above */
	return load_relaxed(&row->image) != image_fold((uint32_t)life_and_image) ||
	       row_doubt(s, owner_of(life_and_image, seat));
}

void programs_look(struct programs *programs)
{
	uint32_t seat, end = seats_end(programs);

	for (seat = 0; seat < end; seat++) {
		struct program *program = &programs->seats[seat];
		uint64_t now = program_of(&programs->k->lives, seat);
		uint64_t before = program->life_and_image;

		if (now == before)
			continue;
		program->life_and_image = now;
		program->is_first = now >> 32 != before >> 32;
		program->is_new = !program->is_first || is_later(&programs->k->segment, now, seat);
	}
}

int programs_catch_up(struct programs *programs, struct mirror *m)
{
	uint32_t seat, end = seats_end(programs);
	int err = 0;

	for (seat = 0; seat < end && !err; seat++) {
		struct program *program = &programs->seats[seat];
		owner_t owner = owner_of(program->life_and_image, seat);

		/*
		 * A program that was about to open the registry has done so by now. Its records may
		 * not have been read yet: what they say would be reported twice.
		 */
		if (program->is_new && program->is_first)
			program->is_new =
				is_later(&programs->k->segment, program->life_and_image, seat);
		if (!program->is_new)
			continue;
		if (life_is_alive(&programs->k->lives, owner))
			err = mirror_resync(m, owner);
		program->is_new = err != 0;
	}
	return err;
}
