/* SPDX-License-Identifier: MIT */
/*
 * What both kinds of life table share. Who writes the words is told in life_guard.c and
 * life_robust.c; nobody here writes any.
 */
#include "shm/life.h"

bool life_image_look(const struct life_table *table, uint64_t word, uint64_t *life)
{
	if (!life_look(table, owner_without_image(word), life))
		return false;
	/* In the fallback a life ends with its program. */
	if (!table->facts)
		return true;
	/*
	 * ORD[life_image_look:A] acquire: the exec, then what is made of what the program has left; pairs
	 * with kernel sched_process_exec, which counts the image when the program's threads are gone
	 */
	return image_fold(load_acquire(&table->facts[owner_seat(word)].image)) == owner_image(word);
}

bool life_image_is_alive(const struct life_table *table, uint64_t word)
{
	uint64_t life;

	return life_image_look(table, word, &life);
}
