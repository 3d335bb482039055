/* SPDX-License-Identifier: MIT */
/*
 * The status of a program, readable by other processes: an entry of a kind of its own
 * under the program's name.
 *
 * Promises  it ends with the process that hears the program, and is never shown for
 *           another program.
 * Needs     status_drop() when the program is no longer heard.
 * Context   any thread.
 * Used by   reserve.c, health.c.
 */
#ifndef KREG_LIB_PROGRAM_STATUS_H
#define KREG_LIB_PROGRAM_STATUS_H

#include "lib/handle/handle.h"

#pragma GCC visibility push(hidden)

/* Replaces the previous status by @status. Errors as kreg_register(). */
int status_put(struct kreg *k, const void *key, size_t key_size,
	       const struct program_status *status);

/* Removes the status of @program. */
void status_drop(struct kreg *k, const void *key, size_t key_size, owner_t program);

/* -ENOENT: no process hears @program. */
int status_get(struct kreg *k, const void *key, size_t key_size, owner_t program,
	       struct program_status *out);

#pragma GCC visibility pop

#endif
