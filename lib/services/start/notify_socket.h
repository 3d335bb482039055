/* SPDX-License-Identifier: MIT */
/*
 * The socket to which a service sends its messages, and its name. For a service that may
 * outlive its supervisor the name can be computed, so that the next supervisor binds it
 * again: the service knows it from its environment.
 *
 * Promises  notify_name() is unique for each key of each registry of this boot: it
 *           includes the device and inode of the registry's file.
 * Context   any; does not allocate memory.
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
 * @name: NULL, or taken and @is_any_good: the kernel chooses one. @variable:
 * NOTIFY_SOCKET=... Waits shortly for a dead process to release the name. Returns an fd;
 * -EADDRINUSE; errors of socket(2).
 */
int notify_socket_open(const char *name, bool is_any_good, char *variable);

/*
 * A socket of that name that receives nothing: that it exists is the message. @waits: as
 * above. Returns as above.
 */
int notify_sign_open(const char *name, bool waits);

/* Whether a socket of that name exists. Async-signal-safe. */
bool notify_is_there(const char *name);

#pragma GCC visibility pop

#endif
