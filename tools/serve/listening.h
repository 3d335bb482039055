/* SPDX-License-Identifier: MIT */
/*
 * The listening socket. That of a path has a file, which outlives a process that is killed:
 *
 *   at the path              by connect(2)    what serve_listen() does
 *   nothing                                   binds
 *   no socket                                 refuses, and leaves it
 *   a socket that listens    succeeds, or     refuses, with the pid of its process
 *                            would block
 *   a dead one               ECONNREFUSED     replaces it
 *   one that may be alive    other errors     refuses
 *
 * From the look until the socket listens the path's folder is locked by flock(2), so that of two
 * processes that start at once the second finds a socket that listens. A process that is killed
 * there leaves nothing, or a dead socket; the kernel unlocks the folder.
 *
 * Used by   cmd_metrics.c, server.c.
 */
#ifndef TOOLS_SERVE_LISTENING_H
#define TOOLS_SERVE_LISTENING_H

#include "tools/serve/address.h"

struct serve_listening {
	int fd;                       /* the caller's */
	struct serve_address address; /* with the port that the kernel has chosen */
	dev_t device;                 /* of the file */
	ino_t inode;
};

/*
 * @mode: of the file. @why: after an error a sentence, of @size bytes. Return: 0, a negative errno.
 */
int serve_listen(struct serve_listening *out, const struct serve_address *address, mode_t mode,
		 char *why, size_t size);

/*
 * Removes the file, unless it has been replaced. Before the socket is closed: a client that connects
 * later finds no file, and not a dead socket.
 */
void serve_listen_remove(const struct serve_listening *listening);

#endif
