/* SPDX-License-Identifier: MIT */
/*
 * Structs of callers that grow at the end from version to version, and begin with their size.
 *
 * Promises  what the caller's version does not have is 0; what this library does not know is refused if it
 *           is set.
 * Context   any.
 * Used by   options.c, pattern.c, start.c, supervision.c, supervisor.c.
 */
#ifndef KREG_BASE_SIZED_H
#define KREG_BASE_SIZED_H

#include <errno.h>
#include <string.h>

/* Copies @given, NULL: all is 0, to @out of @known bytes. -EINVAL no size; -E2BIG what we do not know. */
static inline int sized_read(void *out, size_t known, const void *given)
{
	const unsigned char *bytes = given;
	size_t size, i;

	memset(out, 0, known);
	if (!given)
		return 0;
	memcpy(&size, given, sizeof(size));
	if (size < sizeof(size))
		return -EINVAL;
	for (i = known; i < size; i++) {
		if (bytes[i])
			return -E2BIG;
	}
	memcpy(out, given, size < known ? size : known);
	return 0;
}

#endif
