/* SPDX-License-Identifier: MIT */
/*
 * Groups: each living name that is of a group has its cell, and the lines can be walked. An
 * entry that ends during the look loses its cell, so its end is looked for afterwards.
 */
#include <errno.h>

#include "shm/check_look.h"
#include "shm/group.h"

bool look_is_grouped(const struct look *look, const struct query *q, const struct entry *entry,
		     place_t place)
{
	/* The cells are loaded with acquire, so what follows is of a later moment. */
	return group_has(look->s, q, place) || table_load(&entry->next) & REF_MARK ||
	       /* relaxed: as above */
	       !life_word_is_alive(look->lives, load_relaxed(&entry->owner));
}

static int pass(order_t order, void *data)
{
	(void)order;
	(void)data;
	return 0;
}

void look_groups(struct look *look)
{
	int err = group_each(look->s, NULL, 0, pass, NULL);

	look->torn |= err == -EAGAIN;
	if (err == -EUCLEAN)
		look_fault(look, FAULT_GROUPS, 0, 0,
			   "the lines of groups lead back or nowhere; " LOOK_DAMAGED);
}
