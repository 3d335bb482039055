/* SPDX-License-Identifier: MIT */
/*
 * Whether a process is one of a service: the program, or one that it has started.
 *
 * Promises  a process that does not descend from the program is not taken for one that does, whoever runs it.
 * Needs     the program is not reaped, so its pid is its own.
 * Context   any.
 * Used by   notify.c.
 */
#ifndef KREG_LIB_NOTIFY_SENDER_H
#define KREG_LIB_NOTIFY_SENDER_H

#include <stdbool.h>
#include <sys/types.h>

#pragma GCC visibility push(hidden)

struct notify_service {
	pid_t program; /* 0: it does not run yet */
	pid_t session; /* that was made for it; 0: it runs in its starter's */
};

bool notify_is_of(const struct notify_service *service, pid_t pid);

#pragma GCC visibility pop

#endif
