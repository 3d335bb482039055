/* SPDX-License-Identifier: MIT */
/*
 * A text by HTTP: one thread, which runs until a signal ends it. Nothing that a client sends, or
 * does not send, ends it or blocks other clients; its use of memory is bounded by connections.h.
 *
 *   SIGTERM, SIGINT, SIGHUP   it ends, and the socket's file is removed; the last two only if they
 *                             are not ignored when it starts
 *
 * Used by   cmd_metrics.c.
 */
#ifndef TOOLS_SERVE_SERVER_H
#define TOOLS_SERVE_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "tools/serve/address.h"

struct serve {
	struct serve_address address;
	mode_t mode; /* of the file of a socket */

	/*
	 * The text: *@bytes, to be freed. After an error, which is returned, @why is a sentence of
	 * up to @why_size bytes.
	 */
	int (*print)(char **bytes, size_t *size, bool openmetrics, char *why, size_t why_size,
		     void *data);
	void *data;
};

/*
 * Says on standard output where it serves, once it does.
 * Return: 0 after a signal; else a negative errno and a sentence in @why. -ENOTSUP: regtool was
 * built without a server.
 */
int serve_run(const struct serve *serve, char *why, size_t size);

#endif
