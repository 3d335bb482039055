/* SPDX-License-Identifier: MIT */
/*
 * Check: whether the invariants of a live segment hold.
 *
 * It is for tests and for `regtool check`: a violation that no call has run into yet
 * shows that memory was overwritten, or that the library has a bug.
 *
 * Promises  reads only; terminates and stays inside of the segment, whatever that holds; on
 *           sound memory it reports nothing, however many processes change the segment
 *           meanwhile.
 * Needs     nothing: no slot, no section, no write permission.
 * Context   any thread; takes time and memory in proportion to the segment, and some ten
 *           milliseconds of sleep if it finds something.
 * Used by   lib/registry/check.c, tests.
 */
#ifndef KREG_SHM_CHECK_H
#define KREG_SHM_CHECK_H

#include "shm/segment.h"

/* Receives one message. Called after all looks, in no section. */
typedef void (*check_say_fn)(const char *sentence, void *data);

/*
 * The number of faults; @say, which may be NULL, gets a message for each of the first few
 * of each kind. -ENOMEM: memory, or a segment that this process has not mapped as a
 * whole; -EAGAIN: no fault, but a part of the list changed during each look at it, so it
 * was not checked.
 */
int64_t check_segment(const struct segment *s, const struct life_table *lives, check_say_fn say,
		      void *data);

#endif
