/* SPDX-License-Identifier: MIT */
/*
 * The manager above: systemd, or another one, whose socket is in our own $NOTIFY_SOCKET.
 *
 * Promises  messages are passed on whole and in order; while that socket is full, nothing is taken from the
 *           service's, which waits as if it had sent to that socket itself.
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
	bool is_full; /* the last message was not taken yet */
};

/* To $NOTIFY_SOCKET; without one, or if nobody is there, nothing will be passed on. */
void notify_outer_open(struct notify_outer *out);
void notify_outer_close(struct notify_outer *outer);

/* False: the socket is full, and @text is to be sent again when it can be written to. */
bool notify_outer_send(struct notify_outer *outer, const char *text, size_t size, const int *fds,
		       uint32_t fd_count);

#pragma GCC visibility pop

#endif
