/* SPDX-License-Identifier: MIT */
/*
 * The socket that a service sends its messages to, and its name. A service that is to outlive its supervisor has one
 * whose name the next supervisor finds out and binds again; what the service has is the name, in its environment.
 *
 * Promises  notify_name() is one name for each key of each registry of this boot: the device and inode of its file are in it.
 * Context   any; no memory is allocated.
 * Used by   notify.c, start.c, start_found.c, start_minder.c, supervisor_run.c.
 */
#ifndef KREG_LIB_NOTIFY_SOCKET_H
#define KREG_LIB_NOTIFY_SOCKET_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/inner.h"

#pragma GCC visibility push(hidden)

#define NOTIFY_NAME_BYTES 48
#define NOTIFY_VARIABLE_BYTES 64

void notify_name(char *out, const struct kreg *k, const void *key, size_t key_size);

/*
 * @name: NULL, or if it is somebody else's and @is_any_good: one that the kernel chooses. @variable: NOTIFY_SOCKET=...
 * Waits for a moment for one who is dead to give it up. An fd; -EADDRINUSE; what socket(2) fails with.
 */
int notify_socket_open(const char *name, bool is_any_good, char *variable);

/* Whether somebody has a socket of that name. Async-signal-safe. */
bool notify_is_there(const char *name);

#pragma GCC visibility pop

#endif
