/* SPDX-License-Identifier: MIT */
/*
 * The address that $NOTIFY_SOCKET names, as sd_notify(3) describes it.
 *
 * Context   any.
 * Used by   notify_outer.c; tools/manager.c.
 */
#ifndef KREG_BASE_NOTIFY_ADDRESS_H
#define KREG_BASE_NOTIFY_ADDRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

/* @name: a path, or @ and an abstract name; NULL is allowed. False: it is neither, or too long. */
static inline bool notify_address(const char *name, struct sockaddr_un *out, socklen_t *size)
{
	size_t length = name ? strlen(name) : 0;

	if (length < 2 || length >= sizeof(out->sun_path) || (*name != '/' && *name != '@'))
		return false;
	*out = (struct sockaddr_un){ .sun_family = AF_UNIX };
	memcpy(out->sun_path, name, length);
	/* The first byte of an abstract name is 0, and its size counts. */
	if (*name == '@')
		out->sun_path[0] = 0;
	*size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length);
	return true;
}

#endif
