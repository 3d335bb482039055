/* SPDX-License-Identifier: MIT */
/*
 * kreg_beat(). A beat is a word in the owner's row, so one word shows for all services of
 * a process that it is stuck.
 */
#include "lib/handle/handle.h"
#include "shm/row.h"

int kreg_service_beat(struct kreg *k)
{
	struct kreg_owner self;
	int err = k ? kreg_self(k, &self) : refuse(k, K_IS_NULL);

	if (!err)
		row_beat(&k->segment, k->self.owner);
	return err;
}
