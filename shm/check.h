/* SPDX-License-Identifier: MIT */
/*
 * Check: are the invariants of a live segment kept?
 *
 * Promises  reads only; ends and stays inside of the segment whatever that holds; on sound memory it
 *           reports nothing, however many processes change the segment meanwhile.
 * Needs     nothing: no slot, no section, no write permission.
 * Context   any thread; takes time and memory in proportion to the segment, and waits some ten
 *           milliseconds if it finds something.
 * Used by   lib/registry/check.c, tests.
 */
#ifndef KREG_SHM_CHECK_H
#define KREG_SHM_CHECK_H

#include "shm/segment.h"

typedef void (*check_say_fn)(void *data, const char *sentence);

/*
 * How many faults there are; @say, which may be NULL, gets a sentence for each. -ENOMEM; -EAGAIN: no
 * fault, but a part of the list changed under each look at it.
 */
int64_t check_segment(const struct segment *s, const struct life_table *lives, check_say_fn say,
		      void *data);

#endif
