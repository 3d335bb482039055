/* SPDX-License-Identifier: MIT */
/*
 * What both kinds of life table share: the question whether a program goes on.
 *
 * Nothing here writes a life word; life_guard.c and life_robust.c say what does.
 */
#include "shm/life.h"

/*
 * Whether the life goes on and the process still runs the program in the image of @word.
 * The life is looked at first: the facts of a seat are those of its present holder, so an
 * image that is read after the life was seen is of that life, or of a later one, which
 * has counted the image up as well.
 */
bool life_image_look(const struct life_table *table, uint64_t word, uint64_t *life)
{
	if (!life_look(table, owner_without_image(word), life))
		return false;
	/*
	 * In the fallback a life ends with its program, so there is no image to compare.
	 */
	if (!table->facts)
		return true;
	/*
	 * ORD[life_image_look:A] acquire: the exec, then what is made of what the program
	 * has left; pairs with kernel sched_process_exec, which counts the image when the
	 * program's threads are gone
	 *
	 * So an heir that finds the program over reads words that no thread of it changes
	 * any more: de_thread() has waited for all of them.
	 */
	return image_fold(load_acquire(&table->facts[owner_seat(word)].image)) == owner_image(word);
}

bool life_image_is_alive(const struct life_table *table, uint64_t word)
{
	uint64_t life;

	return life_image_look(table, word, &life);
}
