/* SPDX-License-Identifier: MIT */
/*
 * The state of a program, for others to see: an entry under the program's name, of a kind of its own.
 *
 * Promises  it is gone with the process that hears the program, and says nothing of another program than that.
 * Needs     status_drop() when the program is not heard any more.
 * Context   any thread.
 * Used by   reserve.c, health.c.
 */
#ifndef KREG_LIB_PROGRAM_STATUS_H
#define KREG_LIB_PROGRAM_STATUS_H

#include "lib/handle/handle.h"

#pragma GCC visibility push(hidden)

/* Shows @status in the place of the one of before. Errors as kreg_register(). */
int status_put(struct kreg *k, const void *key, size_t key_size,
	       const struct program_status *status);

/* Takes the one of @program away. */
void status_drop(struct kreg *k, const void *key, size_t key_size, owner_t program);

/* -ENOENT: nobody hears @program. */
int status_get(struct kreg *k, const void *key, size_t key_size, owner_t program,
	       struct program_status *out);

#pragma GCC visibility pop

#endif
