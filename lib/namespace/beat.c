/* SPDX-License-Identifier: MIT */
/*
 * A beat is a word of the owner's row, so a process that is stuck says so for all of its services at once.
 */
#include "lib/handle/handle.h"
#include "shm/row.h"

int kreg_service_beat(struct kreg *k)
{
	struct kreg_owner self;
	int err = kreg_self(k, &self);

	if (!err)
		row_beat(&k->segment, k->self.owner);
	return err;
}
