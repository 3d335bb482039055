/* SPDX-License-Identifier: MIT */
/*
 * `regtool up` of a file that another `regtool up` supervises already: it makes that supervisor
 * reload the file and reports the outcome as its own.
 *
 * Context   blocks until the supervisor has applied the file or has ended.
 * Used by   cmd_up.c.
 */
#ifndef TOOLS_UP_AGAIN_H
#define TOOLS_UP_AGAIN_H

#include "tools/client.h"

/* No `regtool up` of this file supervises the namespace; nothing was signalled. */
#define UP_NOT_THERE (-1)

/*
 * @path: of the file, absolute. @flags: the options that this call has.
 * Return: UP_NOT_THERE; or enum regtool_status, with an error printed.
 */
int up_again(struct client *client, struct kreg *k, const char *space, const char *path,
	     uint32_t flags);

#endif
