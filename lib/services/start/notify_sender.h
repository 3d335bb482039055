/* SPDX-License-Identifier: MIT */
/*
 * Whether a process belongs to a service: the program, or a process that it has started.
 *
 * Promises  a process that does not descend from the program is not taken for a
 *           descendant, whatever its user.
 * Needs     the program is not reaped, so that its pid is not reused.
 * Context   any.
 * Used by   notify.c.
 */
#ifndef KREG_LIB_NOTIFY_SENDER_H
#define KREG_LIB_NOTIFY_SENDER_H

#include <stdbool.h>
#include <sys/types.h>

#pragma GCC visibility push(hidden)

struct notify_service {
	pid_t program; /* 0: not running yet */
	pid_t session; /* made for it; 0: it runs in its starter's session */
};

bool notify_is_of(const struct notify_service *service, pid_t pid);

#pragma GCC visibility pop

#endif
