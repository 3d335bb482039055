/* SPDX-License-Identifier: MIT */
/*
 * What both kinds of life table share. Who writes the words is told in life_guard.c and
 * life_robust.c; nobody here writes any.
 */
#include "shm/life.h"

bool life_image_is_alive(const struct life_table *table, uint64_t word)
{
	if (!life_is_alive(table, owner_without_image(word)))
		return false;
	if (!table->facts)
		return true;
	/*
	 * relaxed: exec bumps the image after the old program's threads are gone, and a stale look
	 * only delays an heir
	 */
	return (load_relaxed(&table->facts[owner_seat(word)].image) & 0xffff) ==
	       ((word >> 16) & 0xffff);
}
