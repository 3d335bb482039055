/* SPDX-License-Identifier: MIT */
/*
 * The manager above: systemd, or another one, whose socket is in this process's own
 * $NOTIFY_SOCKET.
 *
 * Promises  messages are passed on whole and in order. While that socket is full, nothing
 *           is taken from the service's, which blocks as if it had sent to that socket
 *           itself.
 * Context   one thread.
 * Used by   notify.c.
 */
#ifndef KREG_LIB_NOTIFY_OUTER_H
#define KREG_LIB_NOTIFY_OUTER_H

#include <stdbool.h>

#include "lib/services/start/notify_text.h"

#pragma GCC visibility push(hidden)

struct notify_outer {
	int socket;   /* -1: there is no manager above */
	bool is_full; /* the last message was not accepted yet */
};

/* Opens $NOTIFY_SOCKET. Without one, or if nothing listens there, messages are dropped. */
void notify_outer_open(struct notify_outer *out);
void notify_outer_close(struct notify_outer *outer);

/* False: the socket is full; send @text again when the socket is writable. */
bool notify_outer_send(struct notify_outer *outer, const char *text, size_t size, const int *fds,
		       uint32_t fd_count);

#pragma GCC visibility pop

#endif
