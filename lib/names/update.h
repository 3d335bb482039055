/* SPDX-License-Identifier: MIT */
/*
 * Replacing the caller's own entry by another one, by one CAS.
 *
 * Promises  a reader finds either the old value or the new one, whole.
 * Context   any thread.
 * Used by   update.c, publish.c.
 */
#ifndef KREG_LIB_UPDATE_H
#define KREG_LIB_UPDATE_H

#include "lib/names/change.h"

#pragma GCC visibility push(hidden)

/* The conditions for the update, and where to copy the old value. */
struct update {
	place_t place;        /* the entry has to be at this place; 0: any */
	const void *expected; /* the entry has to have this value; NULL: any */
	size_t expected_size;
	void *old; /* NULL: it is not copied */
	size_t capacity;
	const uint32_t *flags; /* the new flags, as entry_flags(); NULL: they stay */
	bool keeps; /* the new entry gets the old one's value; -ECANCELED if that has another size */
	bool *waits; /* if not NULL: set to whether the published entry is behind others in line */
	bool remote; /* the entry has to be of another host, and stays that; false: of this one */
};

/* KREG_STRING is resolved here. -EINVAL, -ENAMETOOLONG, -EMSGSIZE. */
int update_check(struct kreg *k, const void *key, size_t *key_size, const void *value,
		 size_t *value_size);

/*
 * Returns the old value's size. -ENOENT: the caller has no such entry; -ECANCELED: a
 * condition of @u is not met; -ERANGE: the old value does not fit; -EREMOTE: it is of another
 * host, or is not although @u says so.
 */
ssize_t update_entry(struct kreg *k, struct query *q, const struct content *content,
		     const struct update *u);

#pragma GCC visibility pop

#endif
