/* SPDX-License-Identifier: MIT */
/*
 * One's own entry becomes another one, by one CAS.
 *
 * Promises  whoever looks finds the old value or the new one, whole.
 * Context   any thread.
 * Used by   update.c, publish.c.
 */
#ifndef KREG_LIB_UPDATE_H
#define KREG_LIB_UPDATE_H

#include "lib/names/change.h"

#pragma GCC visibility push(hidden)

/* What the entry has to be for the update to happen, and what its old value is copied to. */
struct update {
	place_t place;        /* this very one; 0: any */
	const void *expected; /* its value; NULL: any */
	size_t expected_size;
	void *old;
	size_t capacity;
	bool *waits; /* for what is published: whether others are ahead in line; or NULL */
};

/* KREG_STRING is resolved here. -EINVAL, -ENAMETOOLONG, -EMSGSIZE. */
int update_check(struct kreg *k, const void *key, size_t *key_size, const void *value,
		 size_t value_size);

/* The old value's size; -ENOENT: we have no such entry; -ECANCELED: not as @u wants it. */
ssize_t update_entry(struct kreg *k, struct query *q, const struct content *content,
		     const struct update *u);

#pragma GCC visibility pop

#endif
