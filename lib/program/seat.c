/* SPDX-License-Identifier: MIT */
/*
 * The seat of a program to be started, taken in a child of fork(), whose memory is a copy
 * of the starter's. Under the guard the seat stays when the child becomes the program. In
 * the fallback exec would end it, so the child stays, as a foster parent, and the program,
 * its child, writes the row. A child of fork() has one thread and takes one seat, so a static
 * variable holds it, also in a child of its own that has taken none.
 */
#include "base/process.h"
#include "lib/handle/handle.h"
#include "lib/inner.h"
#include "shm/row.h"

static struct life_self seat;

int kreg_inner_seat(struct kreg *k, uint64_t *owner)
{
	struct life_self self = { 0 };
	int err;

	if (k->segment.lives) {
		err = life_robust_hold(&self, k->segment.lives, k->segment.seats);
	} else {
		err = life_guard_attach(&self, &k->lives, k->origin->guard);
		if (!err)
			err = life_guard_join(k->origin->guard, k->segment.header);
	}
	/* The caller ends on an error, and the life with it. */
	if (!err)
		err = row_reserve(&k->segment, self.owner);
	seat = self;
	*owner = self.owner;
	return err;
}

void kreg_inner_sit(struct kreg *k, pid_t foster)
{
	struct row_facts facts;

	row_facts_of(&facts);
	row_open(&k->segment, &seat, &facts, foster);
}

void kreg_inner_sit_behind(struct kreg *k, uint64_t first, pid_t program)
{
	struct row_facts facts;

	row_facts_again(&facts, &k->segment, first, program);
	row_open(&k->segment, &seat, &facts, process_pid());
}

uint64_t kreg_inner_program(const struct kreg *k)
{
	const struct life_self *self = seat.owner ? &seat : &k->self;

	return owner_with_image(self->owner, self->image);
}

bool kreg_inner_program_runs(const struct kreg *k, uint64_t program)
{
	return life_image_is_alive(&k->lives, program);
}

void kreg_inner_leave(void)
{
	life_robust_let_go(&seat);
}
