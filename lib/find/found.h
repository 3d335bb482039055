/* SPDX-License-Identifier: MIT */
/*
 * Copying an entry's owner, value and flags to the caller.
 *
 * Promises  no read is outside of the segment; a value that does not fit is -ERANGE, and
 *           nothing of it is copied.
 * Needs     a section, or a peek that is checked afterwards.
 * Context   any; wait-free.
 * Used by   lib/.
 */
#ifndef KREG_LIB_FOUND_H
#define KREG_LIB_FOUND_H

#include "lib/handle/handle.h"

/* Whether a lookup with the result @got has found an owner. */
static inline bool found_is(ssize_t got)
{
	return got >= 0 || got == -ERANGE;
}

/* A call's @found, which may be NULL. -EINVAL. */
#define found_check(k, found)                                                                      \
	(!(found) ? 0 : buffer_of_call(k, (found)->value, (found)->capacity, "found->value"))

/* Copies the value, unless @value is NULL, and returns its size. -ERANGE, -EUCLEAN. */
static inline ssize_t found_value(const struct kreg *k, const struct found *found, void *value,
				  size_t capacity)
{
	uint32_t size;
	const void *from = entry_value(&k->segment, found->entry, found->info, &size);

	if (!from)
		return segment_fault(&k->segment);
	if (!value)
		return size;
	if (size > capacity)
		return -ERANGE;
	if (size)
		copy_out(value, from, size);
	return size;
}

/* KREG_REGISTER_* of an entry with @info. */
static inline uint32_t found_flags(uint64_t info)
{
	uint32_t flags = entry_flags(info);

	return (flags & ENTRY_REPLACEABLE ? KREG_REGISTER_REPLACEABLE : 0) |
	       (flags & ENTRY_DROP ? KREG_REGISTER_DROP : 0) |
	       (entry_kind(info) == ENTRY_RESERVED ? KREG_REGISTER_RESERVED : 0);
}

/* False: the owner has died meanwhile. @out may be NULL. */
static inline bool found_copy(const struct kreg *k, const struct found *found,
			      struct kreg_found *out)
{
	if (!out)
		return true;
	out->size = entry_kind(found->info) == ENTRY_NAME
			    ? found_value(k, found, out->value, out->capacity)
			    : -ENOENT;
	return handle_owner(k, found->owner, found->life, &out->owner);
}

#endif
