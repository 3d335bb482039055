/* SPDX-License-Identifier: MIT */
/*
 * What a process reports of another one, as an entry of its own: at most one for each key and
 * kind. It is no name: it is not counted, not listed, and not in the log.
 *
 * Promises  it ends with the process that reports, and with its program.
 * Needs     values that begin with 8 bytes which say of what they are.
 * Context   any thread.
 * Used by   program_status.c, service_state.c.
 */
#ifndef KREG_LIB_REPORT_H
#define KREG_LIB_REPORT_H

#include "lib/names/blocks.h"

#pragma GCC visibility push(hidden)

/* Replaces what the caller has reported under the key and the kind of @q. Errors as kreg_register(). */
int report_put(struct kreg *k, const struct query *q, const struct content *content);

/* Removes it, if it begins with @of, or @of is 0. Needs no memory. */
void report_drop(struct kreg *k, const struct query *q, uint64_t of);

#pragma GCC visibility pop

#endif
