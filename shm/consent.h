/* SPDX-License-Identifier: MIT */
/*
 * Consent: whether a process lets others register, update and unregister names for it.
 *
 * It is a bit of row->listeners, because that word is bound to one program of one life
 * already: a new holder of the seat clears it before the row is its own, and with another
 * image it is void. So neither a death nor an exec leaves a consent that nobody has given.
 *
 *   killed here, or exec                what is left
 *   before or after the CAS             a word that is void with the life, or with the image
 *
 * Any process that may write the registry can write this word too, as it can write any
 * other. The bit keeps no hostile process away; it says what the process expects.
 *
 * Needs     a row that was opened.
 * Context   any thread; lock-free.
 * Used by   lib/.
 */
#ifndef KREG_SHM_CONSENT_H
#define KREG_SHM_CONSENT_H

#include "shm/row.h"

/* By the program of @self, for all of its handles. */
void consent_set(const struct segment *s, const struct life_self *self, bool is_given);

/* Whether the program that @owner, which lives, runs now has given it. */
bool consent_is_given(const struct segment *s, const struct life_table *lives, owner_t owner);

#endif
