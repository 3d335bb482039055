/* SPDX-License-Identifier: MIT */
/*
 * Messages to the service manager that started this process, such as systemd, as
 * sd_notify(3) describes them: that the process is ready, and that it stops.
 *
 * Promises  without a manager, or if nobody listens there, nothing happens. The socket is
 *           not inherited by what this process starts.
 * Context   manager_take() before there are threads; manager_tell() in any thread.
 * Used by   cmd_up.c.
 */
#ifndef TOOLS_MANAGER_H
#define TOOLS_MANAGER_H

/* Takes $NOTIFY_SOCKET out of the environment and connects to it. */
void manager_take(void);

/* Sends assignments, one in a line, such as READY=1. */
void manager_tell(const char *assignments);

#endif
