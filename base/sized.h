/* SPDX-License-Identifier: MIT */
/*
 * Sized structs: structs of callers that grow at the end from version to version, and
 * begin with their size.
 *
 * So a program that was built with another version of the header works with this library.
 *
 * Promises  what the caller's version does not have is 0; what this library does not know
 *           is refused if it is set. What the caller's version does not have is not
 *           written.
 * Context   any.
 * Used by   options.c, pattern.c, health.c, start.c, start_program.c, supervision.c,
 *           supervisor.c.
 */
#ifndef KREG_BASE_SIZED_H
#define KREG_BASE_SIZED_H

#include <errno.h>
#include <string.h>

/*
 * Copies @given, NULL: all is 0, to @out of @known bytes. -EINVAL: no size; -E2BIG: a
 * field is set that this library does not know. Ignoring that field would do something
 * else than the caller has asked for.
 */
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

/*
 * Copies @full, of @known bytes, to @out as far as the size that the caller has set there
 * has room, and writes how much that was into the size.
 */
static inline void sized_write(void *out, const void *full, size_t known)
{
	size_t size;

	memcpy(&size, out, sizeof(size));
	if (size > known)
		size = known;
	memcpy(out, full, size);
	memcpy(out, &size, sizeof(size));
}

#endif
