/* SPDX-License-Identifier: MIT */
/*
 * A lookup whose key has been hashed already.
 *
 * Promises, needs and context as kreg_lookup().
 * Used by   lookup.c, many.c, and whoever waits for a name.
 */
#ifndef KREG_LIB_LOOKUP_H
#define KREG_LIB_LOOKUP_H

#include "lib/handle.h"

#pragma GCC visibility push(hidden)

/* out->size as the result. -ENOENT, -EAGAIN, -EUCLEAN. */
ssize_t lookup_query(struct kreg *k, const struct query *q, struct kreg_found *out);

#pragma GCC visibility pop

#endif
