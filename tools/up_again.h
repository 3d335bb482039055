/* SPDX-License-Identifier: MIT */
/*
 * `regtool up` of a file that another one supervises already: that one is told to look what has changed, and its outcome
 * is this one's.
 *
 * Context   blocks until the other one has applied the file, or has ended.
 * Used by   cmd_up.c.
 */
#ifndef TOOLS_UP_AGAIN_H
#define TOOLS_UP_AGAIN_H

#include "tools/client.h"

/* Who else supervises the namespace, or another file, is not told anything. */
#define UP_NOT_THERE (-1)

/*
 * @path: of the file, absolute. @flags: what this call asks for.
 * Return: UP_NOT_THERE; or enum regtool_status, and why is said.
 */
int up_again(struct client *client, struct kreg *k, const char *space, const char *path,
	     uint32_t flags);

#endif
