/* SPDX-License-Identifier: MIT */
/*
 * The connections there are, in the order in which they came, so that none stays longer than it
 * may. libmicrohttpd's own time-out begins again with each byte, and so does not end a client that
 * sends one byte at a time.
 *
 *   connection        ended
 *   too old           after CONNECTION_SECONDS, whatever it does
 *   one too many      the oldest, for a new one: a client is answered although CONNECTIONS_MAX
 *                     others send nothing
 *
 * A connection is ended by shutdown(2). libmicrohttpd finds its end, frees it, and says so.
 *
 * Context   the server's thread.
 * Used by   server.c, answer.c.
 */
#ifndef TOOLS_SERVE_CONNECTIONS_H
#define TOOLS_SERVE_CONNECTIONS_H

#include <stdbool.h>
#include <stdint.h>

#define CONNECTIONS_MAX 128
#define CONNECTION_SECONDS 10

/* Also those that are shut down, and not yet freed. */
#define CONNECTIONS_ROOM (2 * CONNECTIONS_MAX)

struct connection {
	struct connection *before, *after;
	int fd;
	bool is_shut;
	uint64_t came_ms;
	uint64_t number; /* of the count in which the texts are, too */
};

struct connections {
	struct connection *first, *last;
	unsigned int open; /* without those that are shut down */
	uint64_t count;
};

/* Return: NULL: there is no memory, and @fd is shut down. */
struct connection *connections_add(struct connections *connections, int fd);
void connections_remove(struct connections *connections, struct connection *connection);

/* Ends those that are too old. Return: milliseconds until the next one is; -1: none is there. */
int connections_end_old(struct connections *connections);

#endif
